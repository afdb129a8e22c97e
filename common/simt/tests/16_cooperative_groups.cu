// Rung 16: cooperative groups: the block, tiles of a warp, the lanes that came together.
#include <cooperative_groups.h>
#include <cooperative_groups/reduce.h>

#include <algorithm>

#include "common/simt/tests/ladder.h"

namespace {

namespace cg = cooperative_groups;

__global__ void block_group(int* out) {
  __shared__ int tile[48];
  const cg::thread_block block = cg::this_thread_block();
  tile[block.thread_rank()] = block.thread_rank();
  block.sync();
  const int got = tile[block.size() - 1 - block.thread_rank()];
  cg::sync(block);
  out[block.group_index().x * block.size() + block.thread_rank()] = got + 100 * block.thread_index().y;
}

TEST(CooperativeGroups, Block) {
  const auto out = results<int>(96, [](int* p) { block_group<<<2, dim3(16, 3)>>>(p); });
  for (int i = 0; i < 96; ++i) ASSERT_EQ(out[i], 47 - i % 48 + 100 * (i % 48 / 16));
}

// Takes any group.
__device__ int sum_of(cg::thread_group group, int* shared, int value) {
  const int rank = group.thread_rank();
  for (int half = group.size() / 2; half > 0; half /= 2) {
    shared[rank] = value;
    group.sync();
    if (rank < half) value += shared[rank + half];
    group.sync();
  }
  return value;
}

__global__ void any_group(int* out) {
  __shared__ int shared[64];
  const cg::thread_block block = cg::this_thread_block();
  const int of_block = sum_of(block, shared, threadIdx.x);
  if (block.thread_rank() == 0) out[0] = of_block;
  block.sync();
  const cg::thread_group tile = cg::tiled_partition(block, 8);
  const int of_tile = sum_of(tile, shared + threadIdx.x / 8 * 8, threadIdx.x);
  if (tile.thread_rank() == 0) out[1 + threadIdx.x / 8] = of_tile;
  block.sync();
  const cg::thread_group half_warp = cg::tiled_partition<16>(block);
  const int of_half = sum_of(half_warp, shared + threadIdx.x / 16 * 16, threadIdx.x);
  if (half_warp.thread_rank() == 0) out[9 + threadIdx.x / 16] = of_half;
}

TEST(CooperativeGroups, AnyGroup) {
  const auto out = results<int>(13, [](int* p) { any_group<<<1, 64>>>(p); });
  EXPECT_EQ(out[0], 63 * 64 / 2);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(out[1 + i], 8 * (8 * i) + 28);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(out[9 + i], 16 * (16 * i) + 120);
}

// A tile whose parent does not matter.
__device__ int of_any_tile(cg::thread_block_tile<16> tile) {
  return 100 * tile.meta_group_rank() + tile.thread_rank();
}

__global__ void tiles_of_anything(int* out) {
  const cg::thread_block_tile<32> warp = cg::tiled_partition<32>(cg::this_thread_block());
  out[threadIdx.x] = of_any_tile(cg::tiled_partition<16>(cg::this_thread_block())) + 1000 * warp.size();
}

TEST(CooperativeGroups, TilesOfAnything) {
  const auto out = results<int>(64, [](int* p) { tiles_of_anything<<<1, 64>>>(p); });
  for (int i = 0; i < 64; ++i) ASSERT_EQ(out[i], 32000 + 100 * (i / 16) + i % 16);
}

__global__ void grid_ranks(int* out, int n) {
  const cg::grid_group grid = cg::this_grid();
  for (int i = grid.thread_rank(); i < n; i += grid.size()) out[i] = static_cast<int>(i) + 1;
}

TEST(CooperativeGroups, RanksInTheGrid) {
  const auto out = results<int>(1000, [](int* p) { grid_ranks<<<dim3(3, 2), dim3(16, 4)>>>(p, 1000); });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(out[i], i + 1);
}

template <int kSize>
__global__ void tiles(int* out) {
  const auto tile = cg::tiled_partition<kSize>(cg::this_thread_block());
  const int value = threadIdx.x;
  int* mine = out + 8 * threadIdx.x;
  mine[0] = tile.thread_rank();
  mine[1] = tile.meta_group_rank();
  mine[2] = tile.shfl(value, 0);
  mine[3] = tile.shfl_down(value, 1);
  mine[4] = tile.shfl_xor(value, 1);
  mine[5] = cg::reduce(tile, value, cg::plus<int>());
  mine[6] = tile.any(threadIdx.x == 40) * 2 + tile.all(threadIdx.x < 40);
  mine[7] = static_cast<int>(tile.ballot(threadIdx.x % 2 == 0));
  tile.sync();
}

template <int kSize>
void check_tiles() {
  const auto out = results<int>(8 * 64, [](int* p) { tiles<kSize><<<1, 64>>>(p); });
  for (int t = 0; t < 64; ++t) {
    const int rank = t % kSize, first = t - rank, last = first + kSize - 1;
    ASSERT_EQ(out[8 * t], rank);
    ASSERT_EQ(out[8 * t + 1], t / kSize);
    ASSERT_EQ(out[8 * t + 2], first);
    ASSERT_EQ(out[8 * t + 3], std::min(t + 1, last));
    ASSERT_EQ(out[8 * t + 4], t ^ 1);
    ASSERT_EQ(out[8 * t + 5], (first + last) * kSize / 2);
    ASSERT_EQ(out[8 * t + 6], (first <= 40 && 40 <= last ? 2 : 0) + (last < 40));
    unsigned even = 0;
    for (int i = 0; i < kSize; ++i) even |= static_cast<unsigned>((first + i) % 2 == 0) << i;
    ASSERT_EQ(static_cast<unsigned>(out[8 * t + 7]), even);
  }
}

TEST(CooperativeGroups, Tiles) {
  check_tiles<32>();
  check_tiles<16>();
  check_tiles<8>();
  check_tiles<4>();
  check_tiles<2>();
}

__global__ void nested_tiles(float* out) {
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  const auto quad = cg::tiled_partition<4>(warp);
  const float most = cg::reduce(quad, static_cast<float>(threadIdx.x * 7 % 32), cg::greater<float>());
  out[threadIdx.x] = most + 100.0f * quad.meta_group_rank();
}

TEST(CooperativeGroups, TilesOfTiles) {
  const auto out = results<float>(32, [](float* p) { nested_tiles<<<1, 32>>>(p); });
  for (int t = 0; t < 32; ++t) {
    int most = 0;
    for (int i = t / 4 * 4; i < t / 4 * 4 + 4; ++i) most = std::max(most, i * 7 % 32);
    ASSERT_EQ(out[t], static_cast<float>(most + 100 * (t / 4)));
  }
}

struct Complex {
  double real, imaginary;
};
__global__ void large_values(Complex* out) {
  const auto warp = cg::tiled_partition<32>(cg::this_thread_block());
  const Complex mine{1.0 * threadIdx.x, -1.0 * threadIdx.x};
  out[threadIdx.x] = warp.shfl(mine, 31 - static_cast<int>(threadIdx.x));
}

TEST(CooperativeGroups, ShufflesOfLargeValues) {
  const auto out = results<Complex>(32, [](Complex* p) { large_values<<<1, 32>>>(p); });
  for (int t = 0; t < 32; ++t) {
    ASSERT_EQ(out[t].real, 31 - t);
    ASSERT_EQ(out[t].imaginary, t - 31);
  }
}

// However the hardware groups the lanes that came here, their leaders add up everybody.
__global__ void coalesced(int* total) {
  if (threadIdx.x % 5 != 0) return;
  const auto group = cg::coalesced_threads();
  const int size = group.shfl(static_cast<int>(group.size()), 0);
  if (group.thread_rank() == 0) atomicAdd(total, size);
}

TEST(CooperativeGroups, CoalescedThreads) {
  EXPECT_EQ(results<int>(1, [](int* p) { coalesced<<<3, 100>>>(p); })[0], 60);
}

}  // namespace
