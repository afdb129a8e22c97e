// Tests of swiglu, in the order of the lesson's steps: the untouched starter
// fails at the first of each suite.
#include "07_tinyllama/swiglu.h"

#include <array>
#include <numeric>
#include <vector>

#include "07_tinyllama/testing/swiglu_oracle.h"
#include "common/harness/far_array.h"
#include "common/harness/far_matches.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

using Vector = std::vector<double>;
using Sizes = SwigluSizes;

// A block's tail, whole packs of four and not, more than one block.
constexpr std::array<int, 7> kElements = {1, 3, 31, 256, 1000, 1023, 5000};
constexpr Tolerance kElementTolerance = {1e-6, 1e-5};

// One row and one feature, both sides of a warp and a tile, a block's tail, and nothing round.
constexpr std::array<Sizes, 6> kSizes = {
    {{1, 1, 1}, {2, 31, 33}, {33, 64, 1}, {65, 100, 129}, {7, 257, 63}, {130, 33, 257}}};

// Sums of C or F products of numbers about 1: the rounding of a float sum in any order stays within this.
constexpr Tolerance kSumTolerance = {4e-5, 1e-5};

Matmul::Function* matmul() {
  return find_implementation<Matmul>("solution").function;
}

class SiluMultiplyTest : public ImplementationTest<SiluMultiply> {
 protected:
  void expect_oracle(const std::vector<float>& gate, std::size_t misalign = 0, bool sorted = false) {
    const std::size_t size = gate.size();
    const auto up = random_normal(size, 2);
    auto device_gate = GuardedBuffer<float>::input(gate, misalign);
    auto device_up = GuardedBuffer<float>::input(up, misalign);
    auto out = GuardedBuffer<float>::output(size, misalign);
    run(device_gate.data(), device_up.data(), out.data(), static_cast<std::int64_t>(size), nullptr);
    const Vector z = to_double(gate), factor = to_double(up);
    const std::vector<float> got = out.download();
    EXPECT_TRUE(matches(got, silu_multiply_oracle(z, factor), kElementTolerance,
                        {.dims = {static_cast<std::int64_t>(size)}, .has_edges = !sorted}))
        << "out\n"
        << explain_silu_multiply(got, z, factor, kElementTolerance);
    EXPECT_TRUE(device_gate.check("gate"));
    EXPECT_TRUE(device_up.check("up"));
    EXPECT_TRUE(out.check("out"));
  }
};

TEST_P(SiluMultiplyTest, MultipliesByTheGate) {
  expect_oracle(random_normal(256, 1, 0.0f, 2.0f));
}

TEST_P(SiluMultiplyTest, TakesAnySize) {
  for (const int size : kElements) {
    SCOPED_TRACE(testing::Message() << "size " << size);
    expect_oracle(random_normal(static_cast<std::size_t>(size), 3, 0.0f, 2.0f));
  }
}

TEST_P(SiluMultiplyTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) expect_oracle(random_normal(1000, 4), misalign);
}

// exp(200) is infinite in float; 1 / infinity is 0 and does no harm, infinity / infinity would.
TEST_P(SiluMultiplyTest, StaysFiniteForLargeGates) {
  expect_oracle({-1000.0f, -200.0f, -88.0f, -30.0f, 0.0f, 30.0f, 88.0f, 200.0f, 1000.0f}, 0, true);
}

TEST_P(SiluMultiplyTest, CountsPastTwoToThe31) {
  if (const std::string why = FarArray::lacking(3, implementation().name); !why.empty()) GTEST_SKIP() << why;
  const auto gate = random_normal(FarArray::kSeen, 1), up = random_normal(FarArray::kSeen, 2);
  const FarArray far_gate(gate), far_up(up), out;
  run_far(FarArray::size(),
          [&] { run(far_gate.data(), far_up.data(), out.data(), FarArray::size(), nullptr); });
  EXPECT_TRUE(
      far_matches(out.last(), silu_multiply_oracle(to_double(gate), to_double(up)), kElementTolerance))
      << FarArray::explain();
}

TEST_P(SiluMultiplyTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, 0, nullptr), Error, "size = 0");
  expect_bad_pointers_named({"gate", "up", "out"}, p, p, p, 1, nullptr);
}

class SwigluForwardTest : public ImplementationTest<SwigluForward> {
 protected:
  void expect_oracle(const Sizes& s, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", F " << s.f);
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
    const SwigluOutputs oracle = swiglu_oracle(s, to_double(x), to_double(w_gate), to_double(w_up));
    EXPECT_TRUE(matches(gate.download(), oracle.gate, kSumTolerance, {{s.n, s.f}}))
        << explain_by({{oracle.up, "gate = x w_up^T: the weights are exchanged"},
                       {product_of_stored(s, to_double(x), to_double(w_gate)),
                        "w_gate was read as if it were (C, F): it is stored as (F, C), which is kNT"}},
                      gate.download(), oracle.gate, kSumTolerance);
    EXPECT_TRUE(matches(up.download(), oracle.up, kSumTolerance, {{s.n, s.f}})) << "up";
    EXPECT_TRUE(matches(out.download(), oracle.out, {2e-4, 1e-5}, {{s.n, s.f}})) << "out";
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(device_gate_weight.check("w_gate"));
    EXPECT_TRUE(device_up_weight.check("w_up"));
    EXPECT_TRUE(gate.check("gate"));
    EXPECT_TRUE(up.check("up"));
    EXPECT_TRUE(out.check("out"));
  }
};

TEST_P(SwigluForwardTest, ProjectsAndGates) {
  expect_oracle({2, 31, 33});
}

TEST_P(SwigluForwardTest, AgreesWithTheOracle) {
  for (const Sizes& s : kSizes) expect_oracle(s);
}

TEST_P(SwigluForwardTest, TakesAnyAlignment) {
  expect_oracle({33, 65, 31}, 1);
}

// The products are left out: gate and up are what they were. n * f is too large for an int.
TEST_P(SwigluForwardTest, CountsPastTwoToThe31) {
  if (implementation().name == "naive") GTEST_SKIP() << "naive brings its own product";
  if (const std::string why = FarArray::lacking(4, implementation().name); !why.empty()) GTEST_SKIP() << why;
  const auto leave = [](MatmulLayout, const float*, const float*, float*, int, int, int, float, float,
                        cudaStream_t) {};
  const auto gate = random_normal(FarArray::kSeen, 1), up = random_normal(FarArray::kSeen, 2);
  const FarArray far_gate(gate), far_up(up), out, weights;
  const int n = 3, f = static_cast<int>(FarArray::size() / n);
  const std::int64_t rest = FarArray::size() % n;
  const DeviceBuffer<float> x(std::vector<float>(3, 0.0f));
  run_far(FarArray::size(), [&] {
    run(x.data(), weights.data(), weights.data(), far_gate.data() + rest, far_up.data() + rest,
        out.data() + rest, n, 1, f, leave, nullptr);
  });
  EXPECT_TRUE(
      far_matches(out.last(), silu_multiply_oracle(to_double(gate), to_double(up)), kElementTolerance))
      << FarArray::explain();
}

TEST_P(SwigluForwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 0, 1, 1, matmul(), nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, -1, 1, matmul(), nullptr), Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, 1, 0, matmul(), nullptr), Error, "f = 0");
  expect_bad_pointers_named({"x", "w_gate", "w_up", "gate", "up", "out"}, p, p, p, p, p, p, 1, 1, 1, matmul(),
                            nullptr);
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, 1, 1, nullptr, nullptr), Error, "matmul");
}

class SiluMultiplyBackwardTest : public ImplementationTest<SiluMultiplyBackward> {
 protected:
  struct Gradients {
    std::vector<float> dgate, dup;
    Vector dout, gate, up;
    std::string explain() const {
      return explain_silu_multiply_backward(dgate, dup, dout, gate, up, kElementTolerance);
    }
    GateGradients expected() const { return silu_multiply_backward_oracle(dout, gate, up); }
  };

  Gradients differentiate(const std::vector<float>& gate, std::size_t misalign = 0) {
    const std::size_t size = gate.size();
    const auto dout = random_normal(size, 5), up = random_normal(size, 6);
    auto device_dout = GuardedBuffer<float>::input(dout, misalign);
    auto device_gate = GuardedBuffer<float>::input(gate, misalign);
    auto device_up = GuardedBuffer<float>::input(up, misalign);
    auto dgate = GuardedBuffer<float>::output(size, misalign);
    auto dup = GuardedBuffer<float>::output(size, misalign);
    run(device_dout.data(), device_gate.data(), device_up.data(), dgate.data(), dup.data(),
        static_cast<std::int64_t>(size), nullptr);
    const std::pair<const GuardedBuffer<float>*, const char*> buffers[] = {
        {&device_dout, "dout"}, {&device_gate, "gate"}, {&device_up, "up"}, {&dgate, "dgate"}, {&dup, "dup"}};
    for (const auto& [buffer, name] : buffers) EXPECT_TRUE(buffer->check(name));
    return {dgate.download(), dup.download(), to_double(dout), to_double(gate), to_double(up)};
  }

  void expect_oracle(const std::vector<float>& gate, std::size_t misalign = 0, bool sorted = false) {
    const Gradients d = differentiate(gate, misalign);
    const GateGradients expected = d.expected();
    EXPECT_TRUE(matches(d.dgate, expected.dgate, kElementTolerance, {.has_edges = !sorted})) << d.explain();
    EXPECT_TRUE(matches(d.dup, expected.dup, kElementTolerance, {.has_edges = !sorted})) << d.explain();
  }
};

TEST_P(SiluMultiplyBackwardTest, DifferentiatesByUp) {
  const Gradients d = differentiate(random_normal(256, 1, 0.0f, 2.0f));
  EXPECT_TRUE(matches(d.dup, d.expected().dup, kElementTolerance)) << d.explain();
}

TEST_P(SiluMultiplyBackwardTest, DifferentiatesByTheGate) {
  const Gradients d = differentiate(random_normal(256, 1, 0.0f, 2.0f));
  EXPECT_TRUE(matches(d.dgate, d.expected().dgate, kElementTolerance)) << d.explain();
}

TEST_P(SiluMultiplyBackwardTest, TakesAnySizeAndAlignment) {
  for (const int size : kElements) {
    SCOPED_TRACE(testing::Message() << "size " << size);
    expect_oracle(random_normal(static_cast<std::size_t>(size), 3, 0.0f, 2.0f));
  }
  for (const std::size_t misalign : {1, 2, 3}) expect_oracle(random_normal(1000, 4), misalign);
}

TEST_P(SiluMultiplyBackwardTest, StaysFiniteForLargeGates) {
  expect_oracle({-1000.0f, -200.0f, -88.0f, -30.0f, 0.0f, 30.0f, 88.0f, 200.0f, 1000.0f}, 0, true);
}

TEST_P(SiluMultiplyBackwardTest, CountsPastTwoToThe31) {
  if (const std::string why = FarArray::lacking(5, implementation().name); !why.empty()) GTEST_SKIP() << why;
  const auto dout = random_normal(FarArray::kSeen, 1), gate = random_normal(FarArray::kSeen, 2),
             up = random_normal(FarArray::kSeen, 3);
  const FarArray far_dout(dout), far_gate(gate), far_up(up), dgate, dup;
  run_far(FarArray::size(), [&] {
    run(far_dout.data(), far_gate.data(), far_up.data(), dgate.data(), dup.data(), FarArray::size(), nullptr);
  });
  const auto expected = silu_multiply_backward_oracle(to_double(dout), to_double(gate), to_double(up));
  EXPECT_TRUE(far_matches(dgate.last(), expected.dgate, kElementTolerance)) << FarArray::explain();
  EXPECT_TRUE(far_matches(dup.last(), expected.dup, kElementTolerance)) << FarArray::explain();
}

TEST_P(SiluMultiplyBackwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, -4, nullptr), Error, "size = -4");
  expect_bad_pointers_named({"dout", "gate", "up", "dgate", "dup"}, p, p, p, p, p, 1, nullptr);
}

class SwigluBackwardTest : public ImplementationTest<SwigluBackward> {
 protected:
  struct Gradients {
    std::vector<float> dgate, dup, dx, dw_gate, dw_up;
    std::vector<float> dw_gate_before, dw_up_before;
    SwigluGradients expected;
  };

  Gradients differentiate(const Sizes& s, std::size_t misalign = 0) {
    const auto x = random_uniform(s.x(), 1);
    const auto w_gate = random_uniform(s.w(), 2), w_up = random_uniform(s.w(), 3);
    const auto dout = random_uniform(s.out(), 4);
    const auto gate = random_normal(s.out(), 5, 0.0f, 2.0f), up = random_normal(s.out(), 6);
    Gradients d;
    d.dw_gate_before = random_uniform(s.w(), 7);
    d.dw_up_before = random_uniform(s.w(), 8);
    auto device_dout = GuardedBuffer<float>::input(dout, misalign);
    auto device_x = GuardedBuffer<float>::input(x, misalign);
    auto device_gate_weight = GuardedBuffer<float>::input(w_gate, misalign);
    auto device_up_weight = GuardedBuffer<float>::input(w_up, misalign);
    auto device_gate = GuardedBuffer<float>::input(gate, misalign);
    auto device_up = GuardedBuffer<float>::input(up, misalign);
    auto dgate = GuardedBuffer<float>::output(s.out(), misalign);
    auto dup = GuardedBuffer<float>::output(s.out(), misalign);
    auto dx = GuardedBuffer<float>::output(s.x(), misalign);
    auto dw_gate = GuardedBuffer<float>::inout(d.dw_gate_before, misalign);
    auto dw_up = GuardedBuffer<float>::inout(d.dw_up_before, misalign);
    run(device_dout.data(), device_x.data(), device_gate_weight.data(), device_up_weight.data(),
        device_gate.data(), device_up.data(), dgate.data(), dup.data(), dx.data(), dw_gate.data(),
        dw_up.data(), s.n, s.c, s.f, matmul(), nullptr);
    const std::pair<const GuardedBuffer<float>*, const char*> buffers[] = {
        {&device_dout, "dout"},      {&device_x, "x"},       {&device_gate_weight, "w_gate"},
        {&device_up_weight, "w_up"}, {&device_gate, "gate"}, {&device_up, "up"},
        {&dgate, "dgate"},           {&dup, "dup"},          {&dx, "dx"},
        {&dw_gate, "dw_gate"},       {&dw_up, "dw_up"}};
    for (const auto& [buffer, name] : buffers) EXPECT_TRUE(buffer->check(name));

    d.expected = swiglu_backward_oracle(s, to_double(dout), to_double(x), to_double(w_gate), to_double(w_up),
                                        to_double(gate), to_double(up));
    for (std::size_t i = 0; i < s.w(); ++i) {
      d.expected.dw_gate[i] += static_cast<double>(d.dw_gate_before[i]);
      d.expected.dw_up[i] += static_cast<double>(d.dw_up_before[i]);
    }
    d.dgate = dgate.download();
    d.dup = dup.download();
    d.dx = dx.download();
    d.dw_gate = dw_gate.download();
    d.dw_up = dw_up.download();
    explain_dx(s, d, to_double(w_gate), to_double(w_up));
    return d;
  }

  void expect_oracle(const Sizes& s, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", F " << s.f);
    const Gradients d = differentiate(s, misalign);
    EXPECT_TRUE(matches(d.dgate, d.expected.dgate, kElementTolerance, {{s.n, s.f}})) << "dgate";
    EXPECT_TRUE(matches(d.dup, d.expected.dup, kElementTolerance, {{s.n, s.f}})) << "dup";
    EXPECT_TRUE(matches(d.dx, d.expected.dx, kSumTolerance, {{s.n, s.c}})) << "dx";
    EXPECT_TRUE(matches(d.dw_gate, d.expected.dw_gate, kSumTolerance, {{s.f, s.c}, 0, d.dw_gate_before}))
        << "dw_gate";
    EXPECT_TRUE(matches(d.dw_up, d.expected.dw_up, kSumTolerance, {{s.f, s.c}, 0, d.dw_up_before}))
        << "dw_up";
  }

  std::string dx_explanation_;

 private:
  // dx has two parts, one through gate and one through up.
  void explain_dx(const Sizes& s, const Gradients& d, const Vector& w_gate, const Vector& w_up) {
    Vector through_gate(s.x()), through_up(s.x());
    const auto c = static_cast<std::size_t>(s.c), f = static_cast<std::size_t>(s.f);
    for (std::size_t i = 0; i < s.out(); ++i) {
      for (std::size_t j = 0; j < c; ++j) {
        through_gate[i / f * c + j] += d.expected.dgate[i] * w_gate[i % f * c + j];
        through_up[i / f * c + j] += d.expected.dup[i] * w_up[i % f * c + j];
      }
    }
    dx_explanation_ = explain_by(
        {{through_up,
          "dx = dup w_up alone: the second product overwrites the first. It has to add (beta = 1)"},
         {through_gate, "dx = dgate w_gate alone: x reaches the loss through up as well"}},
        d.dx, d.expected.dx, kSumTolerance);
  }
};

TEST_P(SwigluBackwardTest, DifferentiatesByX) {
  const Sizes s = {5, 33, 31};
  const Gradients d = differentiate(s);
  EXPECT_TRUE(matches(d.dx, d.expected.dx, kSumTolerance, {{s.n, s.c}})) << dx_explanation_;
}

TEST_P(SwigluBackwardTest, AddsToTheWeights) {
  const Sizes s = {5, 33, 31};
  const Gradients d = differentiate(s);
  EXPECT_TRUE(matches(d.dw_gate, d.expected.dw_gate, kSumTolerance, {{s.f, s.c}, 0, d.dw_gate_before}));
  EXPECT_TRUE(matches(d.dw_up, d.expected.dw_up, kSumTolerance, {{s.f, s.c}, 0, d.dw_up_before}));
}

TEST_P(SwigluBackwardTest, AgreesWithTheOracle) {
  for (const Sizes& s : kSizes) expect_oracle(s);
}

TEST_P(SwigluBackwardTest, TakesAnyAlignment) {
  expect_oracle({33, 65, 31}, 1);
}

TEST_P(SwigluBackwardTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(16);
  float* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, p, p, 0, 1, 1, matmul(), nullptr), Error, "n = 0");
  expect_bad_pointers_named(
      {"dout", "x", "w_gate", "w_up", "gate", "up", "dgate", "dup", "dx", "dw_gate", "dw_up"}, p, p, p, p, p,
      p, p, p, p, p, p, 1, 1, 1, matmul(), nullptr);
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, p, p, 1, 1, 1, nullptr, nullptr), Error, "matmul");
}

// The oracle itself: d(sum of dout * out) with respect to every input.
TEST(SwigluOracle, GradientIsThatOfTheForwardPass) {
  const Sizes s = {3, 5, 4};
  const Vector x = to_double(random_uniform(s.x(), 1));
  const Vector w_gate = to_double(random_uniform(s.w(), 2)), w_up = to_double(random_uniform(s.w(), 3));
  const Vector dout = to_double(random_uniform(s.out(), 4));
  const SwigluOutputs forward = swiglu_oracle(s, x, w_gate, w_up);
  const SwigluGradients d = swiglu_backward_oracle(s, dout, x, w_gate, w_up, forward.gate, forward.up);
  const auto loss = [&](std::span<const double> a, std::span<const double> b, std::span<const double> c) {
    const Vector out = swiglu_oracle(s, a, b, c).out;
    return std::inner_product(dout.begin(), dout.end(), out.begin(), 0.0);
  };
  const Tolerance tolerance = {1e-8, 1e-6};
  EXPECT_TRUE(gradient_matches([&](auto v) { return loss(v, w_gate, w_up); }, x, d.dx, tolerance));
  EXPECT_TRUE(gradient_matches([&](auto v) { return loss(x, v, w_up); }, w_gate, d.dw_gate, tolerance));
  EXPECT_TRUE(gradient_matches([&](auto v) { return loss(x, w_gate, v); }, w_up, d.dw_up, tolerance));
}

WB_TEST_IMPLEMENTATIONS(SiluMultiplyTest, SiluMultiply);
WB_TEST_IMPLEMENTATIONS(SwigluForwardTest, SwigluForward);
WB_TEST_IMPLEMENTATIONS(SiluMultiplyBackwardTest, SiluMultiplyBackward);
WB_TEST_IMPLEMENTATIONS(SwigluBackwardTest, SwigluBackward);

}  // namespace
}  // namespace wb
