// Rung 12: half precision. Conversions rounded to nearest even, arithmetic that
// rounds once, pairs, comparisons.
#include <cuda_fp16.h>

#include <cmath>
#include <limits>

#include "common/simt/tests/ladder.h"

namespace {

__global__ void convert(unsigned short* out, const float* in, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    out[4 * i] = __half_as_ushort(__float2half_rn(in[i]));
    out[4 * i + 1] = __half_as_ushort(__float2half_rz(in[i]));
    out[4 * i + 2] = __half_as_ushort(__float2half_ru(in[i]));
    out[4 * i + 3] = __half_as_ushort(__float2half_rd(in[i]));
  }
}

TEST(Half, RoundsToNearestEven) {
  struct Case {
    float value;
    unsigned short nearest, zero, up, down;
  };
  const std::vector<Case> cases = {
      {0.0f, 0x0000, 0x0000, 0x0000, 0x0000},
      {-0.0f, 0x8000, 0x8000, 0x8000, 0x8000},
      {1.0f, 0x3c00, 0x3c00, 0x3c00, 0x3c00},
      {1.0f + 0x1p-11f, 0x3c00, 0x3c00, 0x3c01, 0x3c00},  // a tie goes to even
      {1.0f + 0x3p-11f, 0x3c02, 0x3c01, 0x3c02, 0x3c01},  // this one upwards
      {-1.0f - 0x3p-11f, 0xbc02, 0xbc01, 0xbc01, 0xbc02},
      {65504.0f, 0x7bff, 0x7bff, 0x7bff, 0x7bff},  // the largest
      {65519.0f, 0x7bff, 0x7bff, 0x7c00, 0x7bff},
      {65520.0f, 0x7c00, 0x7bff, 0x7c00, 0x7bff},  // the first that is infinite
      {0x1p-14f, 0x0400, 0x0400, 0x0400, 0x0400},  // the smallest normal
      {0x1p-24f, 0x0001, 0x0001, 0x0001, 0x0001},  // the smallest
      {0x1p-25f, 0x0000, 0x0000, 0x0001, 0x0000},  // a tie with zero
      {0x1.8p-25f, 0x0001, 0x0000, 0x0001, 0x0000},
      {0x1p-40f, 0x0000, 0x0000, 0x0001, 0x0000},
      {std::numeric_limits<float>::infinity(), 0x7c00, 0x7c00, 0x7c00, 0x7c00},
      {-std::numeric_limits<float>::infinity(), 0xfc00, 0xfc00, 0xfc00, 0xfc00},
      {0.1f, 0x2e66, 0x2e66, 0x2e67, 0x2e66},
  };
  std::vector<float> host;
  for (const auto& c : cases) host.push_back(c.value);
  wb::DeviceBuffer<float> in(host);
  const int n = static_cast<int>(host.size());
  const auto out = results<unsigned short>(4 * n, [&](auto* p) { convert<<<1, 32>>>(p, in.data(), n); });
  for (int i = 0; i < n; ++i) {
    EXPECT_EQ(out[4 * i], cases[i].nearest) << cases[i].value;
    EXPECT_EQ(out[4 * i + 1], cases[i].zero) << cases[i].value;
    EXPECT_EQ(out[4 * i + 2], cases[i].up) << cases[i].value;
    EXPECT_EQ(out[4 * i + 3], cases[i].down) << cases[i].value;
  }
}

// Every half becomes a float and comes back.
__global__ void there_and_back(int* wrong) {
  const unsigned bits = blockIdx.x * blockDim.x + threadIdx.x;
  const __half value = __ushort_as_half(static_cast<unsigned short>(bits));
  const float wide = __half2float(value);
  const bool same = __half_as_ushort(__float2half(wide)) == bits;
  if (!same && wide == wide) atomicAdd(wrong, 1);
  if ((wide != wide) != __hisnan(value)) atomicAdd(wrong, 1);
}

TEST(Half, EveryValueSurvivesTheWayThroughFloat) {
  EXPECT_EQ(results<int>(1, [](int* p) { there_and_back<<<256, 256>>>(p); })[0], 0);
}

__global__ void arithmetic(float* out, float x, float y) {
  const __half a = __float2half(x), b = __float2half(y);
  out[0] = __half2float(__hadd(a, b));
  out[1] = __half2float(__hsub(a, b));
  out[2] = __half2float(__hmul(a, b));
  out[3] = __half2float(__hdiv(a, b));
  out[4] = __half2float(a + b);
  out[5] = __half2float(a * b);
  out[6] = __half2float(__hneg(a));
  out[7] = __half2float(__habs(__hneg(a)));
  out[8] = __half2float(__hmax(a, b));
  out[9] = __half2float(__hmin(a, b));
  out[10] = __half2float(hsqrt(a));
  out[11] = __half2float(hexp(b));
  out[12] =
      __hlt(b, a) && __hgt(a, b) && __hne(a, b) && !__heq(a, b) && __hge(a, a) && __hle(b, b) ? 1.0f : 0.0f;
  out[13] = __half2int_rn(__hmul(a, __float2half(2.0f)));
}

TEST(Half, Arithmetic) {
  const auto out = results<float>(14, [](float* p) { arithmetic<<<1, 1>>>(p, 2.25f, 0.5f); });
  const float expected[] = {2.75f, 1.75f, 1.125f, 4.5f, 2.75f, 1.125f, -2.25f, 2.25f, 2.25f, 0.5f, 1.5f};
  for (int i = 0; i < 11; ++i) EXPECT_EQ(out[i], expected[i]) << i;
  EXPECT_NEAR(out[11], std::exp(0.5), 1e-3);
  EXPECT_EQ(out[12], 1.0f);
  EXPECT_EQ(out[13], 4.0f);  // 4.5, to even
}

// The product is exactly between two numbers; the addend, too small for float beside it, decides. Two
// roundings would lose it.
__global__ void fused(float* out) {
  const __half a = __float2half(1.5f), b = __float2half(1.0f + 0x1p-10f);  // 1.5 + 1.5 * 2^-10
  const __half tiny = __ushort_as_half(0x0001);                            // 2^-24
  out[0] = __half2float(__hfma(a, b, tiny));
  out[1] = __half2float(__hfma(a, b, __hneg(tiny)));
}

TEST(Half, FusedMultiplyAddRoundsOnce) {
  const auto out = results<float>(2, [](float* p) { fused<<<1, 1>>>(p); });
  EXPECT_EQ(out[0], 1.5f + 0x1p-9f);
  EXPECT_EQ(out[1], 1.5f + 0x1p-10f);
}

__global__ void pairs(float2* out, __half2* raw) {
  const __half2 a = __floats2half2_rn(1.0f, 2.0f), b = __float2half2_rn(0.5f);
  out[0] = __half22float2(__hadd2(a, b));
  out[1] = __half22float2(__hmul2(a, b));
  out[2] = __half22float2(__hfma2(a, b, a));
  out[3] = __half22float2(a - b);
  out[4] = make_float2(__low2float(a), __high2float(a));
  out[5] = __half22float2(__lowhigh2highlow(a));
  out[6] = __half22float2(__halves2half2(__high2half(a), __low2half(b)));
  out[7] = make_float2(__hbeq2(a, a), __hbgt2(a, b));
  raw[0] = __half2half2(__float2half(3.0f));
}

TEST(Half, Pairs) {
  static_assert(sizeof(__half2) == 4 && alignof(__half2) == 4);
  wb::DeviceBuffer<__half2> raw(1);
  const auto out = results<float2>(8, [&](float2* p) { pairs<<<1, 1>>>(p, raw.data()); });
  const float expected[8][2] = {{1.5f, 2.5f}, {0.5f, 1.f}, {1.5f, 3.f}, {0.5f, 1.5f},
                                {1.f, 2.f},   {2.f, 1.f},  {2.f, 0.5f}, {1.f, 1.f}};
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(out[i].x, expected[i][0]) << i;
    EXPECT_EQ(out[i].y, expected[i][1]) << i;
  }
  EXPECT_EQ(__half2float(raw.download()[0].y), 3.0f);
}

__global__ void shared_and_shuffled(float* out) {
  __shared__ __half tile[32];
  tile[threadIdx.x] = __float2half(static_cast<float>(threadIdx.x));
  __syncthreads();
  __half value = tile[31 - threadIdx.x];
  for (int step = 16; step != 0; step /= 2) value = __hadd(value, __shfl_xor_sync(0xffffffffu, value, step));
  out[threadIdx.x] = __half2float(value);
}

TEST(Half, InSharedMemoryAndShuffles) {
  EXPECT_EQ(results<float>(32, [](float* p) { shared_and_shuffled<<<1, 32>>>(p); }),
            std::vector<float>(32, 496.0f));
}

__global__ void accumulate(__half* one, __half2* two) {
  atomicAdd(one, __float2half(1.0f));
  atomicAdd(two, __floats2half2_rn(1.0f, 2.0f));
}

TEST(Half, AtomicAdd) {
  wb::DeviceBuffer<__half2> two(1);
  two.fill_bytes(0);
  const auto one = results<__half>(2, [&](__half* p) { accumulate<<<4, 64>>>(p, two.data()); });
  EXPECT_EQ(__half2float(one[0]), 256.0f);
  EXPECT_EQ(__half2float(two.download()[0].y), 512.0f);
}

}  // namespace
