// training.json: what a run was, how its losses fell and how fast it was. docs/results_schema.md.
#pragma once

#include <string>

#include "07_tinyllama/train/options.h"
#include "07_tinyllama/train/roof.h"

namespace wb {

/// Made of metrics.jsonl in the output folder, so that a resumed run's file holds the run as a whole. Errors:
/// a file that cannot be written throws wb::Error.
void write_training_results(const RunOptions& options, const Roofs& roofs, const KernelSet& kernels,
                            const std::string& train_data, const std::string& validation_data,
                            const std::string& unit);

}  // namespace wb
