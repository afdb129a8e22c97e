// Rung 7: votes, matches and reductions of a warp; __syncwarp; which lanes are here.
#include <algorithm>

#include "common/simt/tests/ladder.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;

__global__ void votes(unsigned* out) {
  const unsigned lane = threadIdx.x;
  out[4 * lane] = __ballot_sync(kAll, lane % 3 == 0);
  out[4 * lane + 1] = __any_sync(kAll, lane == 31) != 0;
  out[4 * lane + 2] = __all_sync(kAll, lane < 32) != 0;
  out[4 * lane + 3] = __all_sync(kAll, lane < 31) != 0;
}

TEST(Vote, BallotAnyAll) {
  unsigned thirds = 0;
  for (unsigned lane = 0; lane < 32; lane += 3) thirds |= 1u << lane;
  const auto out = results<unsigned>(128, [](auto* p) { votes<<<1, 32>>>(p); });
  for (int lane = 0; lane < 32; ++lane) {
    ASSERT_EQ(out[4 * lane], thirds);
    ASSERT_EQ(out[4 * lane + 1], 1u);
    ASSERT_EQ(out[4 * lane + 2], 1u);
    ASSERT_EQ(out[4 * lane + 3], 0u);
  }
}

__global__ void vote_in_branch(unsigned* out) {
  const unsigned lane = threadIdx.x;
  if (lane < 8) {
    out[lane] = __ballot_sync(0xffu, lane % 2);
  } else {
    out[lane] = __ballot_sync(0xffffff00u, lane % 2);
  }
}

TEST(Vote, OnlyTheLanesOfTheMask) {
  const auto out = results<unsigned>(32, [](auto* p) { vote_in_branch<<<1, 32>>>(p); });
  for (int lane = 0; lane < 32; ++lane) ASSERT_EQ(out[lane], lane < 8 ? 0xaau : 0xaaaaaa00u);
}

__global__ void after_return(unsigned* out) {
  if (threadIdx.x >= 20) return;
  out[threadIdx.x] = __ballot_sync(0x000fffffu, 1);
}

TEST(Vote, AfterOtherLanesReturned) {
  EXPECT_EQ(results<unsigned>(20, [](auto* p) { after_return<<<1, 32>>>(p); }),
            std::vector<unsigned>(20, 0xfffffu));
}

__global__ void matches(unsigned* out) {
  const unsigned lane = threadIdx.x;
  int all_equal = 0;
  out[3 * lane] = __match_any_sync(kAll, lane % 4);
  out[3 * lane + 1] = __match_all_sync(kAll, 7, &all_equal) == kAll && all_equal != 0;
  out[3 * lane + 2] = __match_all_sync(kAll, lane / 31, &all_equal) == 0 && all_equal == 0;
}

TEST(Vote, Match) {
  const auto out = results<unsigned>(96, [](auto* p) { matches<<<1, 32>>>(p); });
  for (int lane = 0; lane < 32; ++lane) {
    ASSERT_EQ(out[3 * lane], 0x11111111u << (lane % 4));
    ASSERT_EQ(out[3 * lane + 1], 1u);
    ASSERT_EQ(out[3 * lane + 2], 1u);
  }
}

__global__ void reductions([[maybe_unused]] int* out) {
#if LADDER_SINCE_8_0
  const int value = static_cast<int>(threadIdx.x) - 10;
  const unsigned bits = 1u << (threadIdx.x % 8);
  int* mine = out + 9 * threadIdx.x;
  mine[0] = __reduce_add_sync(kAll, value);
  mine[1] = __reduce_min_sync(kAll, value);
  mine[2] = __reduce_max_sync(kAll, value);
  mine[3] = static_cast<int>(__reduce_min_sync(kAll, static_cast<unsigned>(value)));
  mine[4] = static_cast<int>(__reduce_max_sync(kAll, threadIdx.x));
  mine[5] = static_cast<int>(__reduce_add_sync(kAll, threadIdx.x));
  mine[6] = static_cast<int>(__reduce_or_sync(kAll, bits));
  mine[7] = static_cast<int>(__reduce_and_sync(kAll, bits | 0x100u));
  mine[8] = static_cast<int>(__reduce_xor_sync(kAll, threadIdx.x == 3 ? 0x5u : 0u));
#endif
}

TEST(Vote, Reductions) {
  SKIP_BEFORE_8_0("__reduce_add_sync and the like");
  const auto out = results<int>(9 * 32, [](int* p) { reductions<<<1, 32>>>(p); });
  const int expected[9] = {496 - 320, -10, 21, 0, 31, 496, 0xff, 0x100, 5};
  for (int i = 0; i < 9 * 32; ++i) ASSERT_EQ(out[i], expected[i % 9]) << i;
}

__global__ void pass_along(int* out) {
  __shared__ int slot[32];
  slot[threadIdx.x] = threadIdx.x * 3;
  __syncwarp();
  const int got = slot[(threadIdx.x + 1) % 32];
  __syncwarp();
  slot[threadIdx.x] = got;
  if (threadIdx.x < 4) {
    __syncwarp(0xf);
    slot[threadIdx.x] = -1;
    __syncwarp(0xf);
  }
  out[threadIdx.x] = slot[threadIdx.x];
}

TEST(Vote, SyncWarpOrdersSharedMemory) {
  const auto out = results<int>(32, [](int* p) { pass_along<<<1, 32>>>(p); });
  for (int lane = 0; lane < 32; ++lane) ASSERT_EQ(out[lane], lane < 4 ? -1 : (lane + 1) % 32 * 3);
}

// One atomic for all lanes that are here: right whatever lanes the hardware runs together.
__global__ void aggregated_count(unsigned* counter, unsigned* places) {
  if (threadIdx.x % 3 != 0) return;
  const unsigned here = __activemask();
  const unsigned lane = threadIdx.x % 32;
  const int leader = __ffs(static_cast<int>(here)) - 1;
  unsigned base = 0;
  if (static_cast<int>(lane) == leader) base = atomicAdd(counter, __popc(here));
  base = __shfl_sync(here, base, leader);
  places[base + __popc(here & ((1u << lane) - 1))] = threadIdx.x;
}

TEST(Vote, ActiveLanesShareAnAtomic) {
  wb::DeviceBuffer<unsigned> counter(1), places(100);
  counter.fill_bytes(0);
  aggregated_count<<<1, 300>>>(counter.data(), places.data());
  WB_CHECK_LAUNCH();
  EXPECT_EQ(counter.download()[0], 100u);
  auto got = places.download();
  std::sort(got.begin(), got.end());
  for (unsigned i = 0; i < 100; ++i) ASSERT_EQ(got[i], 3 * i);
}

}  // namespace
