// Calls of a program to the meter (common/simt/meter), if it is linked in. Otherwise they do nothing.
#pragma once

#include <string>

namespace simt {

/// True where the meter counts the accesses of this program's kernels.
bool metered();

/// The meter's report (docs/results_schema.md) of what kernels did since the last call, without their
/// arithmetic and divergence. Waits for the device. Empty without a meter.
std::string take_counts();

}  // namespace simt
