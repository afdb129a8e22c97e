// Rung 6: lanes of a warp read each other's registers. idx, up, down, xor; widths; types; masks.
#include "common/simt/tests/ladder.h"

namespace {

constexpr unsigned kAll = 0xffffffffu;

template <int kWidth>
__global__ void shuffles(int* out) {
  const int lane = threadIdx.x % 32, value = threadIdx.x;
  int* mine = out + 4 * threadIdx.x;
  mine[0] = __shfl_sync(kAll, value, lane + 5, kWidth);
  mine[1] = __shfl_up_sync(kAll, value, 3, kWidth);
  mine[2] = __shfl_down_sync(kAll, value, 3, kWidth);
  mine[3] = __shfl_xor_sync(kAll, value, 5, kWidth);
}

template <int kWidth>
void check_width() {
  const auto out = results<int>(4 * 64, [](int* p) { shuffles<kWidth><<<1, 64>>>(p); });
  for (int t = 0; t < 64; ++t) {
    const int lane = t % 32, warp = t - lane, first = lane / kWidth * kWidth, last = first + kWidth - 1;
    const int crossed = lane ^ 5;
    ASSERT_EQ(out[4 * t], warp + first + (lane + 5) % kWidth) << "idx " << t;
    ASSERT_EQ(out[4 * t + 1], warp + (lane - 3 >= first ? lane - 3 : lane)) << "up " << t;
    ASSERT_EQ(out[4 * t + 2], warp + (lane + 3 <= last ? lane + 3 : lane)) << "down " << t;
    ASSERT_EQ(out[4 * t + 3], warp + (crossed <= last ? crossed : lane)) << "xor " << t;
  }
}

TEST(Shuffle, AllWidths) {
  check_width<32>();
  check_width<16>();
  check_width<8>();
  check_width<4>();
  check_width<2>();
}

template <class T>
__global__ void next_lane(T* out, T offset) {
  out[threadIdx.x] = __shfl_sync(kAll, T(threadIdx.x) + offset, (threadIdx.x + 1) % 32);
}
template <class T>
void check_type(T offset) {
  const auto out = results<T>(32, [&](T* p) { next_lane<<<1, 32>>>(p, offset); });
  for (int i = 0; i < 32; ++i) ASSERT_EQ(out[i], T((i + 1) % 32) + offset);
}

TEST(Shuffle, Types) {
  check_type<int>(-7);
  check_type<unsigned>(1u << 31);
  check_type<long long>(1ll << 40);
  check_type<unsigned long long>(1ull << 60);
  check_type<float>(0.5f);
  check_type<double>(1e-9);
}

__global__ void butterfly(float* out) {
  float value = threadIdx.x;
  for (int step = 16; step != 0; step /= 2) value += __shfl_xor_sync(kAll, value, step);
  out[threadIdx.x] = value;
}

TEST(Shuffle, ButterflySum) {
  const auto out = results<float>(128, [](float* p) { butterfly<<<1, 128>>>(p); });
  for (int t = 0; t < 128; ++t) {
    const int warp = t / 32;
    ASSERT_EQ(out[t], 32.0f * (32 * warp) + 496.0f);
  }
}

// Half of the warp talks, under its own mask, while the other half is elsewhere.
__global__ void half_warp(int* out) {
  const int lane = threadIdx.x;
  out[lane] = -1;
  if (lane < 16) {
    out[lane] = __shfl_sync(0x0000ffffu, lane * 10, 15 - lane);
  } else if (lane < 24) {
    out[lane] = __shfl_sync(0x00ff0000u, lane * 100, 16 + (lane + 1) % 8);
  }
}

TEST(Shuffle, MasksKeepGroupsApart) {
  const auto out = results<int>(32, [](int* p) { half_warp<<<1, 32>>>(p); });
  for (int lane = 0; lane < 32; ++lane) {
    const int expected = lane < 16 ? (15 - lane) * 10 : lane < 24 ? (16 + (lane + 1) % 8) * 100 : -1;
    ASSERT_EQ(out[lane], expected) << lane;
  }
}

// Warps advance at their own pace: only lanes of one warp meet.
__global__ void uneven(int* out) {
  int value = threadIdx.x % 32;
  for (unsigned round = 0; round < 1 + threadIdx.x / 32; ++round)
    value = __shfl_sync(kAll, value, (threadIdx.x + 1) % 32);
  out[threadIdx.x] = value;
}

TEST(Shuffle, WarpsAreIndependent) {
  const auto out = results<int>(256, [](int* p) { uneven<<<1, 256>>>(p); });
  for (int t = 0; t < 256; ++t) ASSERT_EQ(out[t], (t % 32 + 1 + t / 32) % 32);
}

// A block that is not a multiple of the warp: lanes that do not exist are not waited for.
__global__ void partial_warp(int* out) {
  out[threadIdx.x] = __shfl_xor_sync(kAll, int(threadIdx.x), 1);
}

TEST(Shuffle, BlockThatEndsInsideAWarp) {
  const auto out = results<int>(40, [](int* p) { partial_warp<<<1, 40>>>(p); });
  for (int t = 0; t < 40; ++t) ASSERT_EQ(out[t], t ^ 1);
}

// With two-dimensional blocks warps run over threadIdx.x first.
__global__ void two_dimensional(int* out) {
  const int linear = threadIdx.y * blockDim.x + threadIdx.x;
  out[linear] = __shfl_sync(kAll, linear, 31);
}

TEST(Shuffle, WarpsOfATwoDimensionalBlock) {
  const auto out = results<int>(64, [](int* p) { two_dimensional<<<1, dim3(8, 8)>>>(p); });
  for (int t = 0; t < 64; ++t) ASSERT_EQ(out[t], t / 32 * 32 + 31);
}

}  // namespace
