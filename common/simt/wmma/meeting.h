// A wmma operation needs all lanes of its warp: how they meet, and how the kernel fails if one is missing.
#pragma once

#include <cstdint>

#include "simt/warp.h"

namespace simt::wmma {

inline constexpr unsigned kWholeWarp = 0xffffffffu;
/// What the last lane to arrive tells all lanes: the operation is done, or their arguments differ. Any other
/// value is the mask of the lanes that took part, and means that some were missing.
inline constexpr std::uint64_t kDone = 0, kDifferent = std::uint64_t{1} << 32;

/// Gives `result` to all lanes in the mask `arrived`. For `complete` of an operation.
void tell_all(detail::WarpLanes& lanes, unsigned arrived, std::uint64_t result);

/// Waits until all lanes have called `operation`. `value` and `number`: what `operation.complete` finds for
/// this lane in lanes.value and lanes.source. `same`: what all lanes must pass, in words. The kernel fails
/// with cudaErrorLaunchFailure if a lane is missing, or if `complete` says that the lanes differ.
void meet(const detail::WarpOperation& operation, std::uint64_t value, int number, const char* same,
          detail::Site site);

}  // namespace simt::wmma
