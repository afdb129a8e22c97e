// Rung 10: math that kernels use: the fast approximations, explicit rounding, the CUDA-only functions, min
// and max.
#include <algorithm>
#include <cmath>
#include <limits>

#include "common/simt/tests/ladder.h"

namespace {

// One list for both sides: what the device computes, and the same in double on the host. Tolerances are the
// widest that CUDA documents for the approximations on these arguments.
#define FAST_FUNCTIONS(X)                                    \
  X(__expf(x), std::exp(d), 4e-6)                            \
  X(__exp10f(x), std::pow(10.0, d), 1e-5)                    \
  X(__logf(x), std::log(d), 2e-6)                            \
  X(__log2f(x), std::log2(d), 2e-6)                          \
  X(__log10f(x), std::log10(d), 2e-6)                        \
  X(__powf(x, 1.5f), std::pow(d, 1.5), 1e-5)                 \
  X(__sinf(x), std::sin(d), 2e-6)                            \
  X(__cosf(x), std::cos(d), 2e-6)                            \
  X(__fdividef(x, 3.0f), d / 3.0, 1e-6)                      \
  X(__frsqrt_rn(x), 1.0 / std::sqrt(d), 1e-7)                \
  X(rsqrtf(x), 1.0 / std::sqrt(d), 5e-7)                     \
  X(__frcp_rn(x), 1.0 / d, 1e-7)                             \
  X(__fsqrt_rn(x), std::sqrt(d), 1e-7)                       \
  X(__fmaf_rn(x, x, 1.0f), d* d + 1.0, 1e-7)                 \
  X(exp2f(x), std::exp2(d), 1e-6)                            \
  X(exp10f(x), std::pow(10.0, d), 1e-6)                      \
  X(log1pf(x), std::log1p(d), 1e-6)                          \
  X(tanhf(x), std::tanh(d), 1e-6)                            \
  X(erff(x), std::erf(d), 1e-6)                              \
  X(erfcxf(x), std::exp(d* d) * std::erfc(d), 1e-5)          \
  X(normcdff(x), 0.5 * std::erfc(-d / std::sqrt(2.0)), 2e-6) \
  X(cbrtf(x), std::cbrt(d), 1e-6)                            \
  X(rcbrtf(x), 1.0 / std::cbrt(d), 1e-6)                     \
  X(sinpif(x), std::sin(3.14159265358979323846 * d), 1e-6)   \
  X(cospif(x), std::cos(3.14159265358979323846 * d), 1e-6)   \
  X(hypotf(x, 2.0f), std::hypot(d, 2.0), 1e-6)               \
  X(rhypotf(x, 2.0f), 1.0 / std::hypot(d, 2.0), 1e-6)        \
  X(norm3df(x, 1.0f, 2.0f), std::sqrt(d* d + 5.0), 1e-6)     \
  X(erfinvf(erff(0.25f * x)), 0.25 * d, 5e-6)                \
  X(fdividef(x, 7.0f), d / 7.0, 1e-6)

#define COUNT(device, host, tolerance) +1
constexpr int kFunctions = 0 FAST_FUNCTIONS(COUNT);

__global__ void evaluate(float* out, const float* in) {
  const float x = in[threadIdx.x];
  float* mine = out + threadIdx.x * kFunctions;
#define STORE(device, host, tolerance) *mine++ = device;
  FAST_FUNCTIONS(STORE)
}

TEST(Math, FunctionsAgreeWithDouble) {
  const std::vector<float> host = {0.03125f, 0.3f, 0.77f, 1.0f, 1.9f, 2.71f};
  wb::DeviceBuffer<float> in(host);
  const auto out =
      results<float>(host.size() * kFunctions, [&](float* p) { evaluate<<<1, 6>>>(p, in.data()); });
  std::size_t i = 0;
  for (const float x : host) {
    const double d = x;
#define CHECK(device, host, tolerance)                                                           \
  EXPECT_NEAR(out[i], host, tolerance* std::max(1.0, std::abs(host))) << #device << " at " << x; \
  ++i;
    FAST_FUNCTIONS(CHECK)
  }
}

__global__ void sine_and_cosine(float* out, float x) {
  __sincosf(x, out, out + 1);
  sincosf(x, out + 2, out + 3);
  sincospif(x, out + 4, out + 5);
}

TEST(Math, SineAndCosineTogether) {
  const auto out = results<float>(6, [](float* p) { sine_and_cosine<<<1, 1>>>(p, 0.75f); });
  EXPECT_NEAR(out[0], std::sin(0.75), 1e-6);
  EXPECT_NEAR(out[1], std::cos(0.75), 1e-6);
  EXPECT_NEAR(out[2], std::sin(0.75), 1e-6);
  EXPECT_NEAR(out[3], std::cos(0.75), 1e-6);
  EXPECT_NEAR(out[4], std::sqrt(0.5), 1e-6);
  EXPECT_NEAR(out[5], -std::sqrt(0.5), 1e-6);
}

__global__ void rounding(float* out, float a, float b) {
  out[0] = __fadd_rn(a, b);
  out[1] = __fadd_rz(a, b);
  out[2] = __fadd_ru(a, b);
  out[3] = __fadd_rd(a, b);
  out[4] = __fmul_ru(a, 1.0f / 3.0f);
  out[5] = __fmul_rd(a, 1.0f / 3.0f);
  out[6] = __fdiv_ru(a, 3.0f);
  out[7] = __fdiv_rd(a, 3.0f);
  out[8] = __fsqrt_ru(2.0f);
  out[9] = __fsqrt_rd(2.0f);
  out[10] = __fmaf_ru(a, a, b);
  out[11] = __fmaf_rd(a, a, b);
  out[12] = __double2float_ru(0.1);
  out[13] = __double2float_rd(0.1);
}

TEST(Math, ExplicitRounding) {
  const float tiny = 0x1p-30f;
  const auto out = results<float>(14, [&](float* p) { rounding<<<1, 1>>>(p, 1.0f, tiny); });
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_EQ(out[1], 1.0f);
  EXPECT_EQ(out[2], 1.0f + 0x1p-23f);
  EXPECT_EQ(out[3], 1.0f);
  EXPECT_EQ(out[4], out[5]);  // a third, already rounded, times one is exact
  EXPECT_GT(out[6], out[7]);
  EXPECT_EQ(out[6], std::nextafter(out[7], 1.0f));
  EXPECT_GT(static_cast<double>(out[8]) * out[8], 2.0);
  EXPECT_LT(static_cast<double>(out[9]) * out[9], 2.0);
  EXPECT_EQ(out[10], 1.0f + 0x1p-23f);
  EXPECT_EQ(out[11], 1.0f);
  EXPECT_GT(out[12], 0.1);
  EXPECT_LT(out[13], 0.1);
}

__global__ void to_integers(long long* out, float big, float nan, float half) {
  out[0] = __float2int_rn(half);
  out[1] = __float2int_rz(-half);
  out[2] = __float2int_ru(half);
  out[3] = __float2int_rd(-half);
  out[4] = __float2int_rn(big);
  out[5] = __float2int_rn(-big);
  out[6] = __float2uint_rn(-big);
  out[7] = __float2int_rn(nan);
  out[8] = __float2ll_rn(big);
  out[9] = __double2int_rn(static_cast<double>(half) + 1.0);
}

TEST(Math, ConversionsSaturate) {
  const auto out = results<long long>(
      10, [](auto* p) { to_integers<<<1, 1>>>(p, 1e20f, std::numeric_limits<float>::quiet_NaN(), 2.5f); });
  constexpr long long kMin = std::numeric_limits<int>::min(), kMax = std::numeric_limits<int>::max();
  const std::vector<long long> expected = {
      2, -2, 3, -3, kMax, kMin, 0, 0, std::numeric_limits<long long>::max(), 4};
  EXPECT_EQ(out, expected);
}

__global__ void extremes(double* out, float nan) {
  out[0] = min(3, -4);
  out[1] = max(3u, 4u);
  out[2] = max(2.5f, -1.0f);
  out[3] = min(nan, 1.0f);
  out[4] = fmaxf(1.0f, nan);
  out[5] = max(1.5, 2.0f);
  out[6] = static_cast<double>(min(5ll, 6ll));
  out[7] = __saturatef(1.5f) + __saturatef(-2.0f) + __saturatef(0.25f);
  out[8] = __saturatef(nan);
  out[9] = abs(-2.5f) + fabsf(-1.5f) + abs(-3);
}

TEST(Math, MinMaxSaturate) {
  EXPECT_EQ(
      results<double>(10, [](double* p) { extremes<<<1, 1>>>(p, std::numeric_limits<float>::quiet_NaN()); }),
      (std::vector<double>{-4, 4, 2.5, 1, 1, 2, 5, 1.25, 0, 7}));
}

__global__ void time_passes(long long* out) {
  const long long start = clock64();
  __nanosleep(100);
  out[0] = start;
  out[1] = clock64();
}

TEST(Math, ClockAdvances) {
  const auto out = results<long long>(2, [](auto* p) { time_passes<<<1, 1>>>(p); });
  EXPECT_LT(out[0], out[1]);
}

// The host's clock() is another function of the same name.
__global__ void wait_by_clock(int* out) {
  const clock_t start = clock();
  while (clock() - start < 1000) {
  }
  out[0] = clock() - start >= 1000;
}

TEST(Math, ClockCountsInKernels) {
  EXPECT_EQ(results<int>(1, [](int* p) { wait_by_clock<<<1, 1>>>(p); })[0], 1);
  EXPECT_GE(clock(), 0);
}

}  // namespace
