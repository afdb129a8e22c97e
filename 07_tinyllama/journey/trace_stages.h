// --trace: a few steps of every stage on one time axis.
#pragma once

#include "07_tinyllama/journey/measure.h"
#include "common/profiler/trace.h"

namespace wb {

/// Traces options.trace_steps steps of each stage, after warm-up steps that are not traced, each stage in a
/// range of its name. Writes options.trace_file after each stage, so that what was traced is there whatever
/// comes later. Errors: a file that cannot be written throws wb::Error.
TraceCounts trace_stages(const JourneyOptions& options, const Progress& progress);

}  // namespace wb
