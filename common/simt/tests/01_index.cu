// Rung 1: every thread knows its place. threadIdx, blockIdx, blockDim, gridDim in
// one, two and three dimensions.
#include "common/simt/tests/ladder.h"

namespace {

__global__ void write_index(int* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = i;
}

TEST(Index, OneDimensionWithTail) {
  for (const int n : {1, 31, 32, 33, 1000}) {
    const auto out = results<int>(n, [&](int* p) { write_index<<<(n + 127) / 128, 128>>>(p, n); });
    for (int i = 0; i < n; ++i) ASSERT_EQ(out[i], i) << "n = " << n;
  }
}

__global__ void write_coordinates(uint3* thread, uint3* block) {
  const unsigned inside = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned which = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned i = which * (blockDim.x * blockDim.y * blockDim.z) + inside;
  thread[i] = threadIdx;
  block[i] = blockIdx;
}

TEST(Index, ThreeDimensions) {
  const dim3 grid(3, 2, 4), block(5, 3, 7);
  const std::size_t threads = 5 * 3 * 7, blocks = 3 * 2 * 4;
  wb::DeviceBuffer<uint3> thread(threads * blocks), which(threads * blocks);
  write_coordinates<<<grid, block>>>(thread.data(), which.data());
  WB_CHECK_LAUNCH();
  const auto t = thread.download(), b = which.download();
  std::size_t i = 0;
  for (unsigned bz = 0; bz < 4; ++bz) {
    for (unsigned by = 0; by < 2; ++by) {
      for (unsigned bx = 0; bx < 3; ++bx) {
        for (unsigned tz = 0; tz < 7; ++tz) {
          for (unsigned ty = 0; ty < 3; ++ty) {
            for (unsigned tx = 0; tx < 5; ++tx, ++i) {
              ASSERT_EQ(t[i].x, tx);
              ASSERT_EQ(t[i].y, ty);
              ASSERT_EQ(t[i].z, tz);
              ASSERT_EQ(b[i].x, bx);
              ASSERT_EQ(b[i].y, by);
              ASSERT_EQ(b[i].z, bz);
            }
          }
        }
      }
    }
  }
}

__global__ void write_extents(unsigned* out) {
  const dim3 block = blockDim, grid = gridDim;
  out[0] = block.x;
  out[1] = block.y;
  out[2] = block.z;
  out[3] = grid.x;
  out[4] = grid.y;
  out[5] = grid.z;
  out[6] = warpSize;
}

TEST(Index, ExtentsThatAreNotGivenAreOne) {
  const auto out = results<unsigned>(7, [](unsigned* p) { write_extents<<<2, dim3(1, 8)>>>(p); });
  EXPECT_EQ(out, (std::vector<unsigned>{1, 8, 1, 2, 1, 1, 32}));
}

__global__ void count_threads(unsigned long long* out) {
  atomicAdd(out, 1ull);
}

TEST(Index, EveryThreadRunsOnce) {
  const auto out =
      results<unsigned long long>(1, [](auto* p) { count_threads<<<dim3(7, 11, 3), dim3(33, 2, 5)>>>(p); });
  EXPECT_EQ(out[0], 7u * 11 * 3 * 33 * 2 * 5);
}

}  // namespace
