// SIMT_ORDER: right kernels give the same result in every order; a race that one order hides another shows.
// ctest runs this program with every setting.
#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <string>

#include "common/simt/tests/ladder.h"

namespace {

std::string setting() {
  const char* text = std::getenv("SIMT_ORDER");
  return text == nullptr ? "forward" : text;
}

// The barrier between writing and reading is missing. Forward, the left neighbor has always written already.
__global__ void shift_without_barrier(int* out) {
  __shared__ int tile[64];
  tile[threadIdx.x] = blockIdx.x * 1000 + threadIdx.x;
  out[blockIdx.x * 64 + threadIdx.x] = threadIdx.x == 0 ? -1 : tile[threadIdx.x - 1];
}
__global__ void shift_with_barrier(int* out) {
  __shared__ int tile[64];
  tile[threadIdx.x] = blockIdx.x * 1000 + threadIdx.x;
  __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = threadIdx.x == 0 ? -1 : tile[threadIdx.x - 1];
}

bool shifted(const std::vector<int>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int t = static_cast<int>(i % 64), expected = t == 0 ? -1 : static_cast<int>(i / 64) * 1000 + t - 1;
    if (out[i] != expected) return false;
  }
  return true;
}

TEST(Order, AMissingBarrierShowsUnlessTheOrderHidesIt) {
  const auto out = results<int>(64 * 8, [](int* p) { shift_without_barrier<<<8, 64>>>(p); });
  EXPECT_EQ(shifted(out), setting() == "forward");
}

TEST(Order, WithTheBarrierEveryOrderIsRight) {
  EXPECT_TRUE(shifted(results<int>(64 * 8, [](int* p) { shift_with_barrier<<<8, 64>>>(p); })));
}

__global__ void note_order(int* before, int* after, int* counters) {
  before[atomicAdd(&counters[0], 1)] = threadIdx.x;
  __syncthreads();
  after[atomicAdd(&counters[1], 1)] = threadIdx.x;
}

TEST(Order, ThreadsRunInIt) {
  wb::DeviceBuffer<int> before(32), after(32), counters(2);
  const auto run = [&] {
    counters.fill_bytes(0);
    note_order<<<1, 32>>>(before.data(), after.data(), counters.data());
    WB_CHECK_LAUNCH();
    return std::pair(before.download(), after.download());
  };
  const auto [first, second] = run();
  EXPECT_EQ(run(), std::pair(first, second));  // the same every time
  std::vector<int> forward(32);
  std::iota(forward.begin(), forward.end(), 0);
  const std::vector<int> reverse(forward.rbegin(), forward.rend());
  EXPECT_TRUE(std::is_permutation(second.begin(), second.end(), forward.begin()));
  if (setting() == "forward") {
    EXPECT_EQ(first, forward);
  } else if (setting() == "reverse") {
    EXPECT_EQ(first, reverse);
  } else {
    EXPECT_TRUE(std::is_permutation(first.begin(), first.end(), forward.begin()));
    EXPECT_NE(first, forward);
    EXPECT_NE(first, reverse);
    EXPECT_NE(second, first);
  }
}

__global__ void note_block(int* order, int* counter) {
  order[atomicAdd(counter, 1)] = blockIdx.x;
}

// ctest runs this with one worker, so that blocks do not overtake each other.
TEST(Order, BlocksRunInIt) {
  wb::DeviceBuffer<int> counter(1);
  counter.fill_bytes(0);
  const auto order = results<int>(50, [&](int* p) { note_block<<<50, 1>>>(p, counter.data()); });
  std::vector<int> forward(50);
  std::iota(forward.begin(), forward.end(), 0);
  EXPECT_TRUE(std::is_permutation(order.begin(), order.end(), forward.begin()));
  if (setting() == "forward") {
    EXPECT_EQ(order, forward);
  }
  if (setting() == "reverse") {
    EXPECT_EQ(order, std::vector<int>(forward.rbegin(), forward.rend()));
  }
  if (setting().starts_with("seed")) {
    EXPECT_NE(order, forward);
  }
}

__global__ void sum_with_shuffles(int* out) {
  int value = threadIdx.x;
  for (int step = 16; step != 0; step /= 2) value += __shfl_down_sync(0xffffffffu, value, step);
  __shared__ int partial[4];
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) *out = partial[0] + partial[1] + partial[2] + partial[3];
}

TEST(Order, WarpsMeetInEveryOrder) {
  EXPECT_EQ(results<int>(1, [](int* p) { sum_with_shuffles<<<1, 128>>>(p); })[0], 8128);
}

}  // namespace
