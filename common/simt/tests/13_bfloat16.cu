// Rung 13: bfloat16, the upper half of a float.
#include <cuda_bf16.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "common/simt/tests/ladder.h"

namespace {

__global__ void convert(unsigned short* out, const float* in, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) out[i] = __bfloat16_as_ushort(__float2bfloat16_rn(in[i]));
}

TEST(Bfloat16, RoundsToNearestEven) {
  const std::vector<std::pair<float, unsigned short>> cases = {
      {1.0f, 0x3f80},
      {1.0f + 0x1p-8f, 0x3f80},  // a tie goes to even
      {1.0f + 0x3p-8f, 0x3f82},  // this one upwards
      {1.0f + 0x1.1p-8f, 0x3f81},
      {-2.5f, 0xc020},
      {3.4e38f, 0x7f80},    // beyond the largest
      {0x1p-133f, 0x0001},  // the smallest
      {0x1p-134f, 0x0000},
      {std::numeric_limits<float>::infinity(), 0x7f80},
  };
  std::vector<float> host;
  for (const auto& c : cases) host.push_back(c.first);
  wb::DeviceBuffer<float> in(host);
  const int n = static_cast<int>(host.size());
  const auto out = results<unsigned short>(n, [&](auto* p) { convert<<<1, 32>>>(p, in.data(), n); });
  for (int i = 0; i < n; ++i) EXPECT_EQ(out[i], cases[i].second) << cases[i].first;
}

__global__ void widen(float* out) {
  const unsigned bits = blockIdx.x * blockDim.x + threadIdx.x;
  out[bits] = __bfloat162float(__ushort_as_bfloat16(static_cast<unsigned short>(bits)));
}

TEST(Bfloat16, IsTheUpperHalfOfAFloat) {
  const auto out = results<float>(65536, [](float* p) { widen<<<256, 256>>>(p); });
  for (unsigned bits = 0; bits < 65536; ++bits) {
    unsigned wide = 0;
    std::memcpy(&wide, &out[bits], 4);
    if ((bits & 0x7fff) > 0x7f80) {
      ASSERT_NE(out[bits], out[bits]);
    } else {
      ASSERT_EQ(wide, bits << 16);
    }
  }
}

__global__ void arithmetic([[maybe_unused]] float* out, [[maybe_unused]] float x, [[maybe_unused]] float y) {
#if LADDER_SINCE_8_0
  const __nv_bfloat16 a = __float2bfloat16(x), b = __float2bfloat16(y);
  out[0] = __bfloat162float(a + b);
  out[1] = __bfloat162float(a - b);
  out[2] = __bfloat162float(__hmul(a, b));
  out[3] = __bfloat162float(a / b);
  out[4] = __bfloat162float(__hfma(a, b, b));
  out[5] = __bfloat162float(__hmax(a, b));
  out[6] = a > b && !(a == b) ? 1.0f : 0.0f;
  out[7] = __bfloat162float(hsqrt(a));
  const __nv_bfloat162 pair = __floats2bfloat162_rn(x, y);
  const float2 sum = __bfloat1622float2(__hadd2(pair, __bfloat162bfloat162(b)));
  out[8] = sum.x;
  out[9] = sum.y;
  out[10] = __low2float(pair) + __high2float(pair);
#endif
}

TEST(Bfloat16, Arithmetic) {
  SKIP_BEFORE_8_0("arithmetic in bf16");
  EXPECT_EQ(results<float>(11, [](float* p) { arithmetic<<<1, 1>>>(p, 2.25f, 0.5f); }),
            (std::vector<float>{2.75f, 1.75f, 1.125f, 4.5f, 1.625f, 2.25f, 1.0f, 1.5f, 2.75f, 1.0f, 2.75f}));
}

// The product is exactly between two numbers; the addend, far below, decides. Two roundings would lose it.
__global__ void fused([[maybe_unused]] float* out) {
#if LADDER_SINCE_8_0
  const __nv_bfloat16 a = __float2bfloat16(1.5f), b = __float2bfloat16(1.0f + 0x1p-7f);  // 1.5 + 1.5 * 2^-7
  const __nv_bfloat16 far = __float2bfloat16(0x1p-100f);
  out[0] = __bfloat162float(__hfma(a, b, far));
  out[1] = __bfloat162float(__hfma(a, b, __hneg(far)));
#endif
}

TEST(Bfloat16, FusedMultiplyAddRoundsOnce) {
  SKIP_BEFORE_8_0("__hfma in bf16");
  const auto out = results<float>(2, [](float* p) { fused<<<1, 1>>>(p); });
  EXPECT_EQ(out[0], 1.5f + 0x1p-6f);
  EXPECT_EQ(out[1], 1.5f + 0x1p-7f);
}

}  // namespace
