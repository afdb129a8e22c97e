// Rung 9: short vectors. Layout, wide loads and stores, loads and stores with cache hints.
#include "common/simt/tests/ladder.h"

namespace {

static_assert(sizeof(float2) == 8 && alignof(float2) == 8);
static_assert(sizeof(float3) == 12 && alignof(float3) == 4);
static_assert(sizeof(float4) == 16 && alignof(float4) == 16);
static_assert(sizeof(int2) == 8 && alignof(int2) == 8);
static_assert(sizeof(int4) == 16 && alignof(int4) == 16);
static_assert(sizeof(uchar4) == 4 && alignof(uchar4) == 4);
static_assert(sizeof(short4) == 8 && alignof(short4) == 8);
static_assert(sizeof(double2) == 16 && alignof(double2) == 16);
static_assert(sizeof(longlong2) == 16 && alignof(longlong2) == 16);
static_assert(sizeof(dim3) == 12);

__global__ void scale4(const float4* in, float4* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float4 v = in[i];
  out[i] = make_float4(v.x * 2, v.y * 3, v.z * 4, v.w * 5);
}

TEST(Vectors, WideLoadsOfAFloatArray) {
  std::vector<float> host(400);
  for (int i = 0; i < 400; ++i) host[i] = static_cast<float>(i) + 0.5f;
  wb::DeviceBuffer<float> in(host);
  const auto out = results<float>(400, [&](float* p) {
    scale4<<<2, 64>>>(reinterpret_cast<const float4*>(in.data()), reinterpret_cast<float4*>(p), 100);
  });
  for (int i = 0; i < 400; ++i) ASSERT_EQ(out[i], host[i] * static_cast<float>(2 + i % 4));
}

__global__ void make(int* out) {
  const int2 a = make_int2(1, 2);
  const int4 b = make_int4(3, 4, 5, 6);
  const float2 c = make_float2(0.5f, 1.5f);
  const uchar4 d = make_uchar4(250, 251, 252, 253);
  const double2 e = make_double2(0.25, 4.0);
  const uint3 f = make_uint3(7, 8, 9);
  out[0] = a.x + 10 * a.y;
  out[1] = b.x + b.y + b.z + b.w;
  out[2] = static_cast<int>(c.x + c.y);
  out[3] = d.x + d.w;
  out[4] = static_cast<int>(e.x * e.y);
  out[5] = static_cast<int>(f.x * f.y * f.z);
}

TEST(Vectors, Make) {
  EXPECT_EQ(results<int>(6, [](int* p) { make<<<1, 1>>>(p); }), (std::vector{21, 18, 2, 503, 1, 504}));
}

__global__ void hints(const float* in, float* out) {
  const int i = threadIdx.x;
  out[i] = __ldg(&in[i]) + __ldcs(&in[i]) + __ldcg(&in[i]) + __ldca(&in[i]);
  __stcs(&out[i + 32], in[i] * 10);
  __stcg(&out[i + 64], in[i] * 100);
  __stwb(&out[i + 96], in[i] * 1000);
}
__global__ void hints4(const float4* in, float4* out) {
  __stcs(out, __ldg(in));
}

TEST(Vectors, CacheHints) {
  std::vector<float> host(32);
  for (int i = 0; i < 32; ++i) host[i] = static_cast<float>(i);
  wb::DeviceBuffer<float> in(host);
  const auto out = results<float>(128, [&](float* p) { hints<<<1, 32>>>(in.data(), p); });
  for (int i = 0; i < 32; ++i) {
    ASSERT_EQ(out[i], 4 * host[i]);
    ASSERT_EQ(out[i + 32], 10 * host[i]);
    ASSERT_EQ(out[i + 64], 100 * host[i]);
    ASSERT_EQ(out[i + 96], 1000 * host[i]);
  }
  const auto four =
      results<float4>(1, [&](float4* p) { hints4<<<1, 1>>>(reinterpret_cast<float4*>(in.data()), p); });
  EXPECT_EQ(four[0].w, 3.0f);
}

}  // namespace
