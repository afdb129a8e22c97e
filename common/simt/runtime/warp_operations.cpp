// How the last lane to arrive computes the results of a warp operation.
#include <algorithm>
#include <bit>

#include "simt/warp.h"

namespace simt::detail {
namespace {

template <class Body>
void for_each_lane(unsigned lanes, Body body) {
  for (; lanes != 0; lanes &= lanes - 1) body(std::countr_zero(lanes));
}

void give_all(WarpLanes& lanes, unsigned arrived, std::uint64_t result) {
  for_each_lane(arrived, [&](int lane) { lanes.result[lane] = result; });
}

// The value that stands for an absent lane. It is NaN as a double, a float, a half and a bf16, and its bits
// show where it comes from.
constexpr std::uint64_t kOfAbsentLane = 0xfff5ffd5ffd5ffd5;

void shuffle(WarpLanes& lanes, unsigned arrived) {
  if (arrived == 0xffffffffu) {
    for (int lane = 0; lane < 32; ++lane) lanes.result[lane] = lanes.value[lanes.source[lane]];
    return;
  }
  for_each_lane(arrived, [&](int lane) {
    const int source = lanes.source[lane];
    lanes.result[lane] = (arrived >> source & 1) != 0 ? lanes.value[source] : kOfAbsentLane;
  });
}

void nothing(WarpLanes&, unsigned) {}

unsigned votes(const WarpLanes& lanes, unsigned arrived) {
  unsigned result = 0;
  for_each_lane(arrived, [&](int lane) { result |= static_cast<unsigned>(lanes.value[lane] != 0) << lane; });
  return result;
}
void ballot(WarpLanes& lanes, unsigned arrived) {
  give_all(lanes, arrived, votes(lanes, arrived));
}
void all(WarpLanes& lanes, unsigned arrived) {
  give_all(lanes, arrived, votes(lanes, arrived) == arrived);
}
void any(WarpLanes& lanes, unsigned arrived) {
  give_all(lanes, arrived, votes(lanes, arrived) != 0);
}

void match_any(WarpLanes& lanes, unsigned arrived) {
  for_each_lane(arrived, [&](int lane) {
    unsigned same = 0;
    for_each_lane(arrived, [&](int other) {
      same |= static_cast<unsigned>(lanes.value[lane] == lanes.value[other]) << other;
    });
    lanes.result[lane] = same;
  });
}

void match_all(WarpLanes& lanes, unsigned arrived) {
  const std::uint64_t first = lanes.value[std::countr_zero(arrived)];
  bool equal = true;
  for_each_lane(arrived, [&](int lane) { equal = equal && lanes.value[lane] == first; });
  give_all(lanes, arrived, equal ? arrived : 0);
}

template <class T, class Combine>
void reduce(WarpLanes& lanes, unsigned arrived, Combine combine) {
  T result = static_cast<T>(lanes.value[std::countr_zero(arrived)]);
  for_each_lane(arrived & (arrived - 1),
                [&](int lane) { result = combine(result, static_cast<T>(lanes.value[lane])); });
  give_all(lanes, arrived, static_cast<std::uint32_t>(result));
}

}  // namespace

const WarpOperation kShuffle{"__shfl_sync", shuffle};
const WarpOperation kShuffleUp{"__shfl_up_sync", shuffle};
const WarpOperation kShuffleDown{"__shfl_down_sync", shuffle};
const WarpOperation kShuffleXor{"__shfl_xor_sync", shuffle};
const WarpOperation kSyncWarp{"__syncwarp", nothing};
const WarpOperation kBallot{"__ballot_sync", ballot};
const WarpOperation kAll{"__all_sync", all};
const WarpOperation kAny{"__any_sync", any};
const WarpOperation kMatchAny{"__match_any_sync", match_any};
const WarpOperation kMatchAll{"__match_all_sync", match_all};

#define SIMT_REDUCE(constant, name, T, expression)                                               \
  const WarpOperation constant {                                                                 \
    name, [](WarpLanes& l, unsigned m) { reduce<T>(l, m, [](T a, T b) { return expression; }); } \
  }
SIMT_REDUCE(kReduceAddSigned, "__reduce_add_sync", std::uint32_t, a + b);
SIMT_REDUCE(kReduceMinSigned, "__reduce_min_sync", std::int32_t, std::min(a, b));
SIMT_REDUCE(kReduceMaxSigned, "__reduce_max_sync", std::int32_t, std::max(a, b));
SIMT_REDUCE(kReduceAdd, "__reduce_add_sync", std::uint32_t, a + b);
SIMT_REDUCE(kReduceMin, "__reduce_min_sync", std::uint32_t, std::min(a, b));
SIMT_REDUCE(kReduceMax, "__reduce_max_sync", std::uint32_t, std::max(a, b));
SIMT_REDUCE(kReduceAnd, "__reduce_and_sync", std::uint32_t, a& b);
SIMT_REDUCE(kReduceOr, "__reduce_or_sync", std::uint32_t, a | b);
SIMT_REDUCE(kReduceXor, "__reduce_xor_sync", std::uint32_t, a ^ b);
#undef SIMT_REDUCE

}  // namespace simt::detail
