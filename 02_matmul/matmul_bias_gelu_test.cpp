// A linear layer with bias and GELU, against the oracle in double on the same rounded inputs.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "02_matmul/matmul_bias_gelu.h"
#include "02_matmul/testing/gelu_oracle.h"
#include "common/core/device_info.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

struct Sizes {
  int m, n, k;
};

// Which arrays are misaligned by one element.
struct Misaligned {
  bool all = false, bias = false;
};

class MatmulBiasGeluTest : public ImplementationTest<MatmulBiasGeluBf16> {
 protected:
  std::vector<float> call(const std::vector<float>& x, const std::vector<float>& w,
                          const std::vector<float>& bias, Sizes s, Misaligned misaligned = {}) {
    const std::size_t by = misaligned.all ? 1 : 0, bias_by = misaligned.all || misaligned.bias ? 1 : 0;
    auto device_x = GuardedBuffer<bf16>::input(to_bf16(x), by);
    auto device_w = GuardedBuffer<bf16>::input(to_bf16(w), by);
    auto device_bias = GuardedBuffer<bf16>::input(to_bf16(bias), bias_by);
    auto y = GuardedBuffer<bf16>::output(area(s.m, s.n), by);
    run(device_x.data(), device_w.data(), device_bias.data(), y.data(), s.m, s.n, s.k, nullptr);
    EXPECT_TRUE(y.check("y"));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(device_w.check("w"));
    EXPECT_TRUE(device_bias.check("bias"));
    return to_float(y.download());
  }

  // `z`: the largest |z|, of which errors are a share. A sum of products of U(-1, 1) has errors of 1e-7 K.
  // Two kernels round z to bf16 in between, and the library is two kernels where cuBLASLt has no epilogue for
  // the sizes.
  Tolerance tolerance(int k, double z) const {
    const double arithmetic = std::max(1e-6, 1.2e-7 * k);
    const std::string name = implementation().name;
    const double of_form = name == "library" || name == "two_kernels" ? 1.2 * kBf16Rounding * z : 0.0;
    return stored_as<bf16>({arithmetic + of_form, 1e-5});
  }

  void expect_oracle(Sizes s, Misaligned misaligned = {}) {
    SCOPED_TRACE("m = " + std::to_string(s.m) + ", n = " + std::to_string(s.n) +
                 ", k = " + std::to_string(s.k));
    const auto x = rounded_to_bf16(random_uniform(area(s.m, s.k), 1));
    const auto w = rounded_to_bf16(random_uniform(area(s.n, s.k), 2));
    const auto bias = rounded_to_bf16(random_uniform(static_cast<std::size_t>(s.n), 3, -2.0f, 2.0f));
    const auto expected = matmul_bias_gelu_oracle(x, w, bias, s.m, s.n, s.k);
    const double largest = 2.0 + 2.0 * std::sqrt(s.k);  // six standard deviations of a sum
    EXPECT_TRUE(matches(call(x, w, bias, s, misaligned), expected, tolerance(s.k, largest), {{s.m, s.n}}));
  }
};

TEST_P(MatmulBiasGeluTest, AgreesWithTheOracle) {
  for (const Sizes s : {Sizes{1, 1, 1}, {33, 65, 17}, {64, 64, 64}, {70, 132, 100}, {129, 3, 511}}) {
    expect_oracle(s);
  }
  // Several tiles of any size, with rows of whole 16 bytes and without.
  expect_oracle({264, 520, 136});
  expect_oracle({257, 513, 129});
  // More tiles than a GPU has multiprocessors, and one tile for each size that the last rung has.
  if (device_is_cpu()) return;
  for (const Sizes s : {Sizes{1500, 3008, 72}, {1024, 2048, 512}, {1024, 1032, 136}, {1000, 520, 200}})
    expect_oracle(s);
}

TEST_P(MatmulBiasGeluTest, TakesAnyAlignment) {
  for (const Sizes s : {Sizes{68, 72, 40}, {65, 71, 33}}) {
    expect_oracle(s, {.all = true});
    expect_oracle(s, {.bias = true});
  }
}

// z is the bias alone: where GELU is flat, steep, close to 0 and close to z; and where z^3 overflows.
TEST_P(MatmulBiasGeluTest, FollowsTheCurve) {
  std::vector<float> bias;
  for (int i = -80; i <= 80; ++i) bias.push_back(0.125f * static_cast<float>(i));
  bias = rounded_to_bf16(bias);
  const int n = static_cast<int>(bias.size());
  const std::vector<float> x(8, 0.0f), w(area(n, 4), 1.0f);
  EXPECT_TRUE(matches(call(x, w, bias, {2, n, 4}), matmul_bias_gelu_oracle(x, w, bias, 2, n, 4),
                      tolerance(4, 10.0), {{2, n}}));
}

TEST_P(MatmulBiasGeluTest, SurvivesLargeNumbers) {
  const auto bias = rounded_to_bf16(std::vector<float>{100.0f, -100.0f, 1e13f, -1e13f, 1e30f, -1e30f, 0.0f});
  const int n = static_cast<int>(bias.size());
  const std::vector<float> x(1, 0.0f), w(bias.size(), 1.0f);
  const auto y = call(x, w, bias, {1, n, 1});
  for (std::size_t i = 0; i < bias.size(); ++i) EXPECT_EQ(y[i], std::max(bias[i], 0.0f)) << "z = " << bias[i];
}

TEST_P(MatmulBiasGeluTest, KeepsNanInItsRowOrColumn) {
  const Sizes s{70, 72, 40};
  std::vector<float> x(area(s.m, s.k), 0.5f), bias(static_cast<std::size_t>(s.n), 1.0f);
  const std::vector<float> w(area(s.n, s.k), 0.5f);
  x[3 * static_cast<std::size_t>(s.k) + 5] = std::numeric_limits<float>::quiet_NaN();
  bias[66] = std::numeric_limits<float>::quiet_NaN();
  const auto y = call(x, w, bias, s);
  for (int row = 0; row < s.m; ++row) {
    for (int column = 0; column < s.n; ++column) {
      const float got = y[static_cast<std::size_t>(row * s.n + column)];
      ASSERT_EQ(std::isnan(got), row == 3 || column == 66) << "y[" << row << "][" << column << "] = " << got;
    }
  }
}

TEST_P(MatmulBiasGeluTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> x(16), w(16), bias(16), y(16);
  const auto with = [&](int m, int n, int k) {
    run(x.data(), w.data(), bias.data(), y.data(), m, n, k, nullptr);
  };
  EXPECT_THROW_MESSAGE(with(0, 2, 2), Error, "m = 0");
  EXPECT_THROW_MESSAGE(with(2, -1, 2), Error, "n = -1");
  EXPECT_THROW_MESSAGE(with(2, 2, 0), Error, "k = 0");
  expect_bad_pointers_named({"x", "w", "bias", "y"}, x.data(), w.data(), bias.data(), y.data(), 2, 2, 2,
                            nullptr);
}

WB_TEST_IMPLEMENTATIONS(MatmulBiasGeluTest, MatmulBiasGeluBf16);

}  // namespace
}  // namespace wb
