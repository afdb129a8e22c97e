// Warp-wide exchange: shuffles, votes, matches, reductions, __syncwarp.
//
// A lane stores its value in a slot of its warp and waits for the other lanes of its mask. The last lane that
// arrives computes the results of all lanes, so that no lane can overwrite a value that another one still has
// to read.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "simt/barrier.h"

namespace simt::detail {

struct WarpLanes {
  std::uint64_t value[32];
  std::uint64_t result[32];
  int source[32];  // shuffles: the lane to read from
};

/// A kind of exchange. Lanes that meet must call the same kind.
struct WarpOperation {
  const char* name;
  void (*complete)(WarpLanes& lanes, unsigned arrived);
};

extern const WarpOperation kShuffle, kShuffleUp, kShuffleDown, kShuffleXor, kSyncWarp, kBallot, kAll, kAny,
    kMatchAny, kMatchAll, kReduceAddSigned, kReduceMinSigned, kReduceMaxSigned, kReduceAdd, kReduceMin,
    kReduceMax, kReduceAnd, kReduceOr, kReduceXor;

/// The slots of the running thread's warp.
WarpLanes& warp_lanes();
/// Waits for every lane of `mask` that has not returned; then this lane's result is in its slot.
void warp_rendezvous(const WarpOperation& operation, unsigned mask, Site site);
/// The lanes of this warp that wait here together. It returns when no other thread of the block can continue.
unsigned converged_lanes(Site site);

inline int lane_index() {
  return static_cast<int>(context.linear % 32);
}

template <class T>
T exchange(const WarpOperation& operation, unsigned mask, T value, int source, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8, "a warp exchanges values of 1 to 8 bytes");
  WarpLanes& lanes = warp_lanes();
  const int lane = lane_index();
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  lanes.value[lane] = bits;
  lanes.source[lane] = source;
  warp_rendezvous(operation, mask, site);
  std::memcpy(static_cast<void*>(&value), &lanes.result[lane], sizeof(T));
  return value;
}

// The lane to read from, within segments of `width` lanes; a lane whose source lies outside reads itself.
inline int source_index(int lane, int source, int width) {
  return (lane & -width) | (source & (width - 1));
}
inline int source_up(int lane, unsigned delta, int width) {
  const int source = lane - static_cast<int>(delta);
  return source < (lane & -width) ? lane : source;
}
inline int source_down(int lane, unsigned delta, int width) {
  const int source = lane + static_cast<int>(delta);
  return source > (lane | (width - 1)) ? lane : source;
}
inline int source_xor(int lane, int lane_mask, int width) {
  const int source = lane ^ lane_mask;
  return source > (lane | (width - 1)) ? lane : source;
}

}  // namespace simt::detail

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = warpSize, SIMT_SITE) {
  using namespace simt::detail;
  return exchange(kShuffle, mask, value, source_index(lane_index(), source, width), SIMT_HERE);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize, SIMT_SITE) {
  using namespace simt::detail;
  return exchange(kShuffleUp, mask, value, source_up(lane_index(), delta, width), SIMT_HERE);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize, SIMT_SITE) {
  using namespace simt::detail;
  return exchange(kShuffleDown, mask, value, source_down(lane_index(), delta, width), SIMT_HERE);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize, SIMT_SITE) {
  using namespace simt::detail;
  return exchange(kShuffleXor, mask, value, source_xor(lane_index(), lane_mask, width), SIMT_HERE);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, SIMT_SITE) {
  simt::detail::warp_rendezvous(simt::detail::kSyncWarp, mask, SIMT_HERE);
}
inline unsigned __activemask(SIMT_SITE) {
  return simt::detail::converged_lanes(SIMT_HERE);
}

inline unsigned __ballot_sync(unsigned mask, int predicate, SIMT_SITE) {
  return simt::detail::exchange<unsigned>(simt::detail::kBallot, mask, predicate != 0, 0, SIMT_HERE);
}
inline int __all_sync(unsigned mask, int predicate, SIMT_SITE) {
  return simt::detail::exchange<int>(simt::detail::kAll, mask, predicate != 0, 0, SIMT_HERE);
}
inline int __any_sync(unsigned mask, int predicate, SIMT_SITE) {
  return simt::detail::exchange<int>(simt::detail::kAny, mask, predicate != 0, 0, SIMT_HERE);
}

/// The lanes of `mask` that hold the same value as this one.
template <class T>
unsigned __match_any_sync(unsigned mask, T value, SIMT_SITE) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return static_cast<unsigned>(simt::detail::exchange(simt::detail::kMatchAny, mask, bits, 0, SIMT_HERE));
}
/// `mask` when all its lanes hold the same value, else 0.
template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* all_equal, SIMT_SITE) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  const auto result =
      static_cast<unsigned>(simt::detail::exchange(simt::detail::kMatchAll, mask, bits, 0, SIMT_HERE));
  *all_equal = result != 0;
  return result;
}

inline int __reduce_add_sync(unsigned mask, int value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceAddSigned, mask, value, 0, SIMT_HERE);
}
inline int __reduce_min_sync(unsigned mask, int value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceMinSigned, mask, value, 0, SIMT_HERE);
}
inline int __reduce_max_sync(unsigned mask, int value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceMaxSigned, mask, value, 0, SIMT_HERE);
}
inline unsigned __reduce_add_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceAdd, mask, value, 0, SIMT_HERE);
}
inline unsigned __reduce_min_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceMin, mask, value, 0, SIMT_HERE);
}
inline unsigned __reduce_max_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceMax, mask, value, 0, SIMT_HERE);
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceAnd, mask, value, 0, SIMT_HERE);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceOr, mask, value, 0, SIMT_HERE);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value, SIMT_SITE) {
  return simt::detail::exchange(simt::detail::kReduceXor, mask, value, 0, SIMT_HERE);
}
