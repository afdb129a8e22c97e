// Which kernels a training run uses: measured, looked up or forced, before anything is trained.
#pragma once

#include <ostream>

#include "07_tinyllama/train/options.h"

namespace wb {

/// The same run with its kernels chosen, and noted among the options it was given: a resumed run goes on with
/// the same ones, measures nothing and proves nothing again. Says on `out` what was measured, taken and
/// refused. Errors: with --strict, a forced kernel that is not right throws wb::Error.
RunOptions with_kernels(const RunOptions& options, std::ostream& out);

}  // namespace wb
