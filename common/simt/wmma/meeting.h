// A wmma operation needs all lanes of its warp: how they meet, and what is said if they do not.
#pragma once

#include <cstdint>

#include "simt/warp.h"

namespace simt::wmma {

inline constexpr unsigned kWholeWarp = 0xffffffffu;
/// What the last lane to arrive tells the others: all is well, or the lanes do not agree. Else it is the mask
/// of the lanes that took part.
inline constexpr std::uint64_t kDone = 0, kDifferent = std::uint64_t{1} << 32;

void tell_all(detail::WarpLanes& lanes, unsigned arrived, std::uint64_t result);

/// Waits until all lanes have called `operation`. `value`: what `operation.complete` finds for this lane.
/// `same`: what all lanes must pass, in words.
void meet(const detail::WarpOperation& operation, std::uint64_t value, int number, const char* same,
          detail::Site site);

}  // namespace simt::wmma
