// A training run: the loop, from the options to the files it leaves.
#pragma once

#include <ostream>

#include "07_tinyllama/train/options.h"

namespace wb {

/// Trains, validates, keeps checkpoints and metrics. Returns the exit code: 0, 1 when the loss or a gradient
/// is not finite, kInterrupted after Ctrl-C. `terminal`: whether `err`, which shows the progress, is one.
/// Errors: what cannot run or be written throws wb::Error.
int run_training(const RunOptions& options, std::ostream& out, std::ostream& err, bool terminal);

/// The program: parses, runs, turns errors into one line and an exit code.
int train_main(int argc, const char* const* argv, std::ostream& out, std::ostream& err, bool terminal);

}  // namespace wb
