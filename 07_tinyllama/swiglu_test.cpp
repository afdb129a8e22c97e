// SwiGLU against a plain loop in double, and that loop's gradient against central differences.
#include "07_tinyllama/swiglu.h"

#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/harness/implementation_test.h"

namespace wb {
namespace {

using Vector = std::vector<double>;

struct Sizes {
  int n, c, f;
  std::size_t x() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(c); }
  std::size_t w() const { return static_cast<std::size_t>(f) * static_cast<std::size_t>(c); }
  std::size_t out() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(f); }
};

// One row and one feature, both sides of a warp and a tile, a block's tail, and nothing round.
constexpr std::array<Sizes, 6> kSizes = {
    {{1, 1, 1}, {2, 31, 33}, {33, 64, 1}, {65, 100, 129}, {7, 257, 63}, {130, 33, 257}}};

double sigmoid(double z) {
  return 1.0 / (1.0 + std::exp(-z));
}

struct Oracle {
  Vector gate, up, out;
};

Oracle oracle_forward(const Sizes& s, const Vector& x, const Vector& w_gate, const Vector& w_up) {
  Oracle result = {Vector(s.out()), Vector(s.out()), Vector(s.out())};
  for (std::size_t i = 0; i < s.out(); ++i) {
    const std::size_t row = i / static_cast<std::size_t>(s.f) * static_cast<std::size_t>(s.c);
    const std::size_t feature = i % static_cast<std::size_t>(s.f) * static_cast<std::size_t>(s.c);
    for (std::size_t j = 0; j < static_cast<std::size_t>(s.c); ++j) {
      result.gate[i] += x[row + j] * w_gate[feature + j];
      result.up[i] += x[row + j] * w_up[feature + j];
    }
    result.out[i] = result.gate[i] * sigmoid(result.gate[i]) * result.up[i];
  }
  return result;
}

struct OracleGradients {
  Vector dgate, dup, dx, dw_gate, dw_up;
};

OracleGradients oracle_backward(const Sizes& s, const Vector& dout, const Vector& x, const Vector& w_gate,
                                const Vector& w_up, const Vector& gate, const Vector& up) {
  OracleGradients d = {Vector(s.out()), Vector(s.out()), Vector(s.x()), Vector(s.w()), Vector(s.w())};
  for (std::size_t i = 0; i < s.out(); ++i) {
    const double p = sigmoid(gate[i]);
    d.dgate[i] = dout[i] * up[i] * p * (1.0 + gate[i] * (1.0 - p));
    d.dup[i] = dout[i] * gate[i] * p;
    const std::size_t row = i / static_cast<std::size_t>(s.f) * static_cast<std::size_t>(s.c);
    const std::size_t feature = i % static_cast<std::size_t>(s.f) * static_cast<std::size_t>(s.c);
    for (std::size_t j = 0; j < static_cast<std::size_t>(s.c); ++j) {
      d.dx[row + j] += d.dgate[i] * w_gate[feature + j] + d.dup[i] * w_up[feature + j];
      d.dw_gate[feature + j] += d.dgate[i] * x[row + j];
      d.dw_up[feature + j] += d.dup[i] * x[row + j];
    }
  }
  return d;
}

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Sums of C or F products of numbers about 1: the rounding of a float sum in any order stays within this.
constexpr Tolerance kSumTolerance = {4e-5, 1e-5};

Matmul::Function* matmul() {
  return find_implementation<Matmul>("solution").function;
}

class SwigluForwardTest : public ImplementationTest<SwigluForward> {
 protected:
  void expect_oracle(const Sizes& s, std::size_t misalign) {
    const auto x = random_uniform(s.x(), 1);
    const auto w_gate = random_uniform(s.w(), 2);
    const auto w_up = random_uniform(s.w(), 3);
    auto device_x = GuardedBuffer<float>::input(x, misalign);
    auto device_gate_weight = GuardedBuffer<float>::input(w_gate, misalign);
    auto device_up_weight = GuardedBuffer<float>::input(w_up, misalign);
    auto gate = GuardedBuffer<float>::output(s.out(), misalign);
    auto up = GuardedBuffer<float>::output(s.out(), misalign);
    auto out = GuardedBuffer<float>::output(s.out(), misalign);
    run(device_x.data(), device_gate_weight.data(), device_up_weight.data(), gate.data(), up.data(),
        out.data(), s.n, s.c, s.f, matmul(), nullptr);
    const Oracle oracle = oracle_forward(s, to_double(x), to_double(w_gate), to_double(w_up));
    EXPECT_TRUE(matches(gate.download(), oracle.gate, kSumTolerance, {{s.n, s.f}}));
    EXPECT_TRUE(matches(up.download(), oracle.up, kSumTolerance, {{s.n, s.f}}));
    EXPECT_TRUE(matches(out.download(), oracle.out, {2e-4, 1e-5}, {{s.n, s.f}}));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(device_gate_weight.check("w_gate"));
    EXPECT_TRUE(device_up_weight.check("w_up"));
    EXPECT_TRUE(gate.check("gate"));
    EXPECT_TRUE(up.check("up"));
    EXPECT_TRUE(out.check("out"));
  }
};

TEST_P(SwigluForwardTest, AgreesWithTheOracle) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", F " << s.f);
    expect_oracle(s, 0);
  }
}

TEST_P(SwigluForwardTest, TakesAnyAlignment) {
  expect_oracle({33, 65, 31}, 1);
}

TEST_P(SwigluForwardTest, StaysFiniteForLargeGates) {
  const Sizes s = {4, 1, 1};
  const std::vector<float> x = {-200.0f, -30.0f, 30.0f, 200.0f};
  auto device_x = GuardedBuffer<float>::input(x);
  auto w_gate = GuardedBuffer<float>::input({1.0f});
  auto w_up = GuardedBuffer<float>::input({0.5f});
  auto gate = GuardedBuffer<float>::output(s.out());
  auto up = GuardedBuffer<float>::output(s.out());
  auto out = GuardedBuffer<float>::output(s.out());
  run(device_x.data(), w_gate.data(), w_up.data(), gate.data(), up.data(), out.data(), s.n, s.c, s.f,
      matmul(), nullptr);
  const Oracle oracle = oracle_forward(s, to_double(x), {1.0}, {0.5});
  EXPECT_TRUE(matches(out.download(), oracle.out, {1e-9, 1e-5}, {{s.n, s.f}}));
}

TEST_P(SwigluForwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 0, 1, 1, matmul(), nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, -1, 1, matmul(), nullptr), Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, 1, 0, matmul(), nullptr), Error, "f = 0");
  EXPECT_THROW_MESSAGE(run(p, nullptr, p, p, p, p, 1, 1, 1, matmul(), nullptr), Error, "w_gate");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, 1, 1, nullptr, nullptr), Error, "matmul");
}

class SwigluBackwardTest : public ImplementationTest<SwigluBackward> {
 protected:
  void expect_oracle(const Sizes& s, std::size_t misalign) {
    const auto x = random_uniform(s.x(), 1);
    const auto w_gate = random_uniform(s.w(), 2);
    const auto w_up = random_uniform(s.w(), 3);
    const auto dout = random_uniform(s.out(), 4);
    const auto gate = random_normal(s.out(), 5, 0.0f, 2.0f);
    const auto up = random_normal(s.out(), 6);
    const auto dw_gate_before = random_uniform(s.w(), 7);
    const auto dw_up_before = random_uniform(s.w(), 8);
    auto device_dout = GuardedBuffer<float>::input(dout, misalign);
    auto device_x = GuardedBuffer<float>::input(x, misalign);
    auto device_gate_weight = GuardedBuffer<float>::input(w_gate, misalign);
    auto device_up_weight = GuardedBuffer<float>::input(w_up, misalign);
    auto device_gate = GuardedBuffer<float>::input(gate, misalign);
    auto device_up = GuardedBuffer<float>::input(up, misalign);
    auto dgate = GuardedBuffer<float>::output(s.out(), misalign);
    auto dup = GuardedBuffer<float>::output(s.out(), misalign);
    auto dx = GuardedBuffer<float>::output(s.x(), misalign);
    auto dw_gate = GuardedBuffer<float>::inout(dw_gate_before, misalign);
    auto dw_up = GuardedBuffer<float>::inout(dw_up_before, misalign);
    run(device_dout.data(), device_x.data(), device_gate_weight.data(), device_up_weight.data(),
        device_gate.data(), device_up.data(), dgate.data(), dup.data(), dx.data(), dw_gate.data(),
        dw_up.data(), s.n, s.c, s.f, matmul(), nullptr);

    OracleGradients oracle = oracle_backward(s, to_double(dout), to_double(x), to_double(w_gate),
                                             to_double(w_up), to_double(gate), to_double(up));
    for (std::size_t i = 0; i < s.w(); ++i) {
      oracle.dw_gate[i] += static_cast<double>(dw_gate_before[i]);
      oracle.dw_up[i] += static_cast<double>(dw_up_before[i]);
    }
    EXPECT_TRUE(matches(dgate.download(), oracle.dgate, {1e-6, 1e-5}, {{s.n, s.f}}));
    EXPECT_TRUE(matches(dup.download(), oracle.dup, {1e-6, 1e-5}, {{s.n, s.f}}));
    EXPECT_TRUE(matches(dx.download(), oracle.dx, kSumTolerance, {{s.n, s.c}}));
    EXPECT_TRUE(matches(dw_gate.download(), oracle.dw_gate, kSumTolerance, {{s.f, s.c}, 0, dw_gate_before}));
    EXPECT_TRUE(matches(dw_up.download(), oracle.dw_up, kSumTolerance, {{s.f, s.c}, 0, dw_up_before}));
    const std::pair<const GuardedBuffer<float>*, const char*> buffers[] = {
        {&device_dout, "dout"},      {&device_x, "x"},       {&device_gate_weight, "w_gate"},
        {&device_up_weight, "w_up"}, {&device_gate, "gate"}, {&device_up, "up"},
        {&dgate, "dgate"},           {&dup, "dup"},          {&dx, "dx"},
        {&dw_gate, "dw_gate"},       {&dw_up, "dw_up"}};
    for (const auto& [buffer, name] : buffers) EXPECT_TRUE(buffer->check(name));
  }
};

TEST_P(SwigluBackwardTest, AgreesWithTheOracle) {
  for (const Sizes& s : kSizes) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", F " << s.f);
    expect_oracle(s, 0);
  }
}

TEST_P(SwigluBackwardTest, TakesAnyAlignment) {
  expect_oracle({33, 65, 31}, 1);
}

TEST_P(SwigluBackwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, p, p, 0, 1, 1, matmul(), nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(nullptr, p, p, p, p, p, p, p, p, p, p, 1, 1, 1, matmul(), nullptr), Error,
                       "nullptr");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, nullptr, p, p, 1, 1, 1, matmul(), nullptr), Error, "dx");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, p, p, 1, 1, 1, nullptr, nullptr), Error, "matmul");
}

// The oracle itself: d(sum of dout * out) with respect to every input.
TEST(SwigluOracle, GradientIsThatOfTheForwardPass) {
  const Sizes s = {3, 5, 4};
  const Vector x = to_double(random_uniform(s.x(), 1));
  const Vector w_gate = to_double(random_uniform(s.w(), 2));
  const Vector w_up = to_double(random_uniform(s.w(), 3));
  const Vector dout = to_double(random_uniform(s.out(), 4));
  const Oracle forward = oracle_forward(s, x, w_gate, w_up);
  const OracleGradients d = oracle_backward(s, dout, x, w_gate, w_up, forward.gate, forward.up);
  const Tolerance tolerance = {1e-8, 1e-6};
  const auto copy = [](std::span<const double> v) { return Vector(v.begin(), v.end()); };
  EXPECT_TRUE(gradient_matches(
      [&](std::span<const double> v) { return dot(dout, oracle_forward(s, copy(v), w_gate, w_up).out); }, x,
      d.dx, tolerance));
  EXPECT_TRUE(gradient_matches(
      [&](std::span<const double> v) { return dot(dout, oracle_forward(s, x, copy(v), w_up).out); }, w_gate,
      d.dw_gate, tolerance));
  EXPECT_TRUE(gradient_matches(
      [&](std::span<const double> v) { return dot(dout, oracle_forward(s, x, w_gate, copy(v)).out); }, w_up,
      d.dw_up, tolerance));
}

WB_TEST_IMPLEMENTATIONS(SwigluForwardTest, SwigluForward);
WB_TEST_IMPLEMENTATIONS(SwigluBackwardTest, SwigluBackward);

}  // namespace
}  // namespace wb
