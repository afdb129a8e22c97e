// silu(gate) * up in bf16, alone and with its products, against the oracle in double on the same rounded
// inputs. What is stored on the way (gate and up; dgate and dup) is rounded once and compared by itself; what
// follows is compared with the oracle of the numbers as stored, so that no tolerance holds two roundings,
// except for dx.
#include "07_tinyllama/swiglu.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "07_tinyllama/testing/swiglu_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

// Packs of eight and not; a block's tail; more than one block.
constexpr int kElements[] = {1, 7, 8, 31, 256, 1000, 1025, 5000};
constexpr Tolerance kTolerance = {1e-6, 1.01 * kBf16Rounding};

// One row and one feature, packs of eight and not, both sides of a tile.
constexpr SwigluSizes kSizes[] = {{1, 1, 1}, {2, 31, 33}, {33, 64, 8}, {65, 100, 129}, {130, 33, 257}};

// fp32 sums of C, F or N products of numbers about 1, in any order: swiglu_test.cpp's tolerance. A bf16
// number is such a sum rounded once.
constexpr Tolerance kSumTolerance = {4e-5, 1e-5};
constexpr Tolerance kRoundedSumTolerance = {kSumTolerance.absolute, kTolerance.relative};

class SiluMultiplyBf16Test : public ImplementationTest<SiluMultiplyBf16> {
 protected:
  void expect_oracle(const std::vector<float>& gate, std::size_t misalign = 0) {
    const std::size_t size = gate.size();
    const auto z = to_bf16(gate), factor = to_bf16(random_normal(size, 2));
    auto device_gate = GuardedBuffer<bf16>::input(z, misalign);
    auto device_up = GuardedBuffer<bf16>::input(factor, misalign);
    auto out = GuardedBuffer<bf16>::output(size, misalign);
    run(device_gate.data(), device_up.data(), out.data(), static_cast<std::int64_t>(size), nullptr);
    const auto expected = silu_multiply_oracle(to_double(to_float(z)), to_double(to_float(factor)));
    EXPECT_TRUE(matches(to_float(out.download()), expected, kTolerance));
    EXPECT_TRUE(device_gate.check("gate"));
    EXPECT_TRUE(device_up.check("up"));
    EXPECT_TRUE(out.check("out"));
  }
};

TEST_P(SiluMultiplyBf16Test, AgreesWithTheOracle) {
  for (const int size : kElements) {
    SCOPED_TRACE(testing::Message() << "size " << size);
    expect_oracle(random_normal(static_cast<std::size_t>(size), 1, 0.0f, 2.0f));
  }
}

TEST_P(SiluMultiplyBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_oracle(random_normal(1000, 3), misalign);
}

TEST_P(SiluMultiplyBf16Test, StaysFiniteForLargeGates) {
  expect_oracle({-1000.0f, -200.0f, -88.0f, -30.0f, 0.0f, 30.0f, 88.0f, 200.0f, 1000.0f});
}

TEST_P(SiluMultiplyBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> data(16);
  bf16* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, 0, nullptr), Error, "size = 0");
  expect_bad_pointers_named({"gate", "up", "out"}, p, p, p, 1, nullptr);
}

class SiluMultiplyBackwardBf16Test : public ImplementationTest<SiluMultiplyBackwardBf16> {
 protected:
  void expect_oracle(const std::vector<float>& gate, std::size_t misalign = 0) {
    const std::size_t size = gate.size();
    const auto z = to_bf16(gate), dy = to_bf16(random_normal(size, 2)),
               factor = to_bf16(random_normal(size, 3));
    auto device_dout = GuardedBuffer<bf16>::input(dy, misalign);
    auto device_gate = GuardedBuffer<bf16>::input(z, misalign);
    auto device_up = GuardedBuffer<bf16>::input(factor, misalign);
    auto dgate = GuardedBuffer<bf16>::output(size, misalign);
    auto dup = GuardedBuffer<bf16>::output(size, misalign);
    run(device_dout.data(), device_gate.data(), device_up.data(), dgate.data(), dup.data(),
        static_cast<std::int64_t>(size), nullptr);
    const GateGradients expected = silu_multiply_backward_oracle(
        to_double(to_float(dy)), to_double(to_float(z)), to_double(to_float(factor)));
    EXPECT_TRUE(matches(to_float(dgate.download()), expected.dgate, kTolerance));
    EXPECT_TRUE(matches(to_float(dup.download()), expected.dup, kTolerance));
    for (const auto* input : {&device_dout, &device_gate, &device_up}) EXPECT_TRUE(input->check("an input"));
    EXPECT_TRUE(dgate.check("dgate"));
    EXPECT_TRUE(dup.check("dup"));
  }
};

TEST_P(SiluMultiplyBackwardBf16Test, AgreesWithTheOracle) {
  for (const int size : kElements) {
    SCOPED_TRACE(testing::Message() << "size " << size);
    expect_oracle(random_normal(static_cast<std::size_t>(size), 1, 0.0f, 2.0f));
  }
}

TEST_P(SiluMultiplyBackwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 4, 7}) expect_oracle(random_normal(1000, 4), misalign);
}

TEST_P(SiluMultiplyBackwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> data(16);
  bf16* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, -1, nullptr), Error, "size = -1");
  expect_bad_pointers_named({"dout", "gate", "up", "dgate", "dup"}, p, p, p, p, p, 1, nullptr);
}

class SwigluForwardBf16Test : public ImplementationTest<SwigluForwardBf16> {
 protected:
  static MatmulBf16::Function* matmul() { return find_implementation<MatmulBf16>("solution").function; }

  void expect_oracle(const SwigluSizes& s, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", F " << s.f);
    const auto x = to_bf16(random_uniform(s.x(), 1));
    const auto w_gate = to_bf16(random_uniform(s.w(), 2)), w_up = to_bf16(random_uniform(s.w(), 3));
    auto device_x = GuardedBuffer<bf16>::input(x, misalign);
    auto device_gate_weight = GuardedBuffer<bf16>::input(w_gate, misalign);
    auto device_up_weight = GuardedBuffer<bf16>::input(w_up, misalign);
    auto gate = GuardedBuffer<bf16>::output(s.out(), misalign);
    auto up = GuardedBuffer<bf16>::output(s.out(), misalign);
    auto out = GuardedBuffer<bf16>::output(s.out(), misalign);
    run(device_x.data(), device_gate_weight.data(), device_up_weight.data(), gate.data(), up.data(),
        out.data(), s.n, s.c, s.f, matmul(), nullptr);

    const SwigluOutputs oracle =
        swiglu_oracle(s, to_double(to_float(x)), to_double(to_float(w_gate)), to_double(to_float(w_up)));
    const auto stored_gate = to_float(gate.download()), stored_up = to_float(up.download());
    EXPECT_TRUE(matches(stored_gate, oracle.gate, kRoundedSumTolerance, {{s.n, s.f}})) << "gate";
    EXPECT_TRUE(matches(stored_up, oracle.up, kRoundedSumTolerance, {{s.n, s.f}})) << "up";
    EXPECT_TRUE(matches(to_float(out.download()),
                        silu_multiply_oracle(to_double(stored_gate), to_double(stored_up)), kTolerance,
                        {{s.n, s.f}}))
        << "out";
    for (const auto* input : {&device_x, &device_gate_weight, &device_up_weight}) {
      EXPECT_TRUE(input->check("an input"));
    }
    EXPECT_TRUE(gate.check("gate"));
    EXPECT_TRUE(up.check("up"));
    EXPECT_TRUE(out.check("out"));
  }
};

TEST_P(SwigluForwardBf16Test, AgreesWithTheOracle) {
  for (const SwigluSizes& s : kSizes) expect_oracle(s);
}

TEST_P(SwigluForwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 7}) expect_oracle({33, 65, 32}, misalign);
}

TEST_P(SwigluForwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> data(16);
  bf16* p = data.data();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 0, 1, 1, matmul(), nullptr), Error, "n = 0");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, -1, 1, matmul(), nullptr), Error, "c = -1");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, 1, 0, matmul(), nullptr), Error, "f = 0");
  expect_bad_pointers_named({"x", "w_gate", "w_up", "gate", "up", "out"}, p, p, p, p, p, p, 1, 1, 1, matmul(),
                            nullptr);
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, 1, 1, 1, nullptr, nullptr), Error, "matmul");
}

class SwigluBackwardBf16Test : public ImplementationTest<SwigluBackwardBf16> {
 protected:
  static MatmulBf16::Function* matmul() { return find_implementation<MatmulBf16>("solution").function; }
  static MatmulBf16ToFloat::Function* matmul_to_float() {
    return find_implementation<MatmulBf16ToFloat>("solution").function;
  }

  void expect_oracle(const SwigluSizes& s, std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "N " << s.n << ", C " << s.c << ", F " << s.f);
    const auto dout = to_bf16(random_uniform(s.out(), 1)), x = to_bf16(random_uniform(s.x(), 2));
    const auto w_gate = to_bf16(random_uniform(s.w(), 3)), w_up = to_bf16(random_uniform(s.w(), 4));
    const auto gate = to_bf16(random_normal(s.out(), 5, 0.0f, 2.0f)), up = to_bf16(random_normal(s.out(), 6));
    const auto dw_gate_before = random_uniform(s.w(), 7), dw_up_before = random_uniform(s.w(), 8);
    auto device_dout = GuardedBuffer<bf16>::input(dout, misalign);
    auto device_x = GuardedBuffer<bf16>::input(x, misalign);
    auto device_gate_weight = GuardedBuffer<bf16>::input(w_gate, misalign);
    auto device_up_weight = GuardedBuffer<bf16>::input(w_up, misalign);
    auto device_gate = GuardedBuffer<bf16>::input(gate, misalign);
    auto device_up = GuardedBuffer<bf16>::input(up, misalign);
    auto dgate = GuardedBuffer<bf16>::output(s.out(), misalign);
    auto dup = GuardedBuffer<bf16>::output(s.out(), misalign);
    auto dx = GuardedBuffer<bf16>::output(s.x(), misalign);
    auto dw_gate = GuardedBuffer<float>::inout(dw_gate_before, misalign);
    auto dw_up = GuardedBuffer<float>::inout(dw_up_before, misalign);
    run(device_dout.data(), device_x.data(), device_gate_weight.data(), device_up_weight.data(),
        device_gate.data(), device_up.data(), dgate.data(), dup.data(), dx.data(), dw_gate.data(),
        dw_up.data(), s.n, s.c, s.f, matmul(), matmul_to_float(), nullptr);

    const auto stored_dgate = to_float(dgate.download()), stored_dup = to_float(dup.download());
    const GateGradients gates = silu_multiply_backward_oracle(
        to_double(to_float(dout)), to_double(to_float(gate)), to_double(to_float(up)));
    EXPECT_TRUE(matches(stored_dgate, gates.dgate, kTolerance, {{s.n, s.f}})) << "dgate";
    EXPECT_TRUE(matches(stored_dup, gates.dup, kTolerance, {{s.n, s.f}})) << "dup";

    // Through dgate alone: the product that dx holds, rounded, until the other adds to it.
    const std::vector<double> no_dup(s.out());
    const auto wide_x = to_double(to_float(x)), wide_gate = to_double(to_float(w_gate)),
               wide_up = to_double(to_float(w_up));
    const GateGradients stored = {to_double(stored_dgate), to_double(stored_dup)};
    const SwigluGradients first =
        swiglu_products_backward_oracle(s, {stored.dgate, no_dup}, wide_x, wide_gate, wide_up);
    double largest = 0;
    for (const double value : first.dx) largest = std::max(largest, std::abs(value));
    const Tolerance twice_rounded = {2 * kSumTolerance.absolute + kTolerance.relative * largest,
                                     kTolerance.relative};

    SwigluGradients expected = swiglu_products_backward_oracle(s, stored, wide_x, wide_gate, wide_up);
    for (std::size_t i = 0; i < s.w(); ++i) {
      expected.dw_gate[i] += static_cast<double>(dw_gate_before[i]);
      expected.dw_up[i] += static_cast<double>(dw_up_before[i]);
    }
    EXPECT_TRUE(matches(to_float(dx.download()), expected.dx, twice_rounded, {{s.n, s.c}})) << "dx";
    EXPECT_TRUE(matches(dw_gate.download(), expected.dw_gate, kSumTolerance, {{s.f, s.c}, 0, dw_gate_before}))
        << "dw_gate";
    EXPECT_TRUE(matches(dw_up.download(), expected.dw_up, kSumTolerance, {{s.f, s.c}, 0, dw_up_before}))
        << "dw_up";

    for (const auto* input :
         {&device_dout, &device_x, &device_gate_weight, &device_up_weight, &device_gate, &device_up}) {
      EXPECT_TRUE(input->check("an input"));
    }
    EXPECT_TRUE(dgate.check("dgate"));
    EXPECT_TRUE(dup.check("dup"));
    EXPECT_TRUE(dx.check("dx"));
    EXPECT_TRUE(dw_gate.check("dw_gate"));
    EXPECT_TRUE(dw_up.check("dw_up"));
  }
};

TEST_P(SwigluBackwardBf16Test, AgreesWithTheOracle) {
  for (const SwigluSizes& s : kSizes) expect_oracle(s);
}

TEST_P(SwigluBackwardBf16Test, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 7}) expect_oracle({33, 65, 32}, misalign);
}

TEST_P(SwigluBackwardBf16Test, RefusesWhatTheContractForbids) {
  DeviceBuffer<bf16> data(16);
  DeviceBuffer<float> gradients(16);
  bf16* p = data.data();
  float* g = gradients.data();
  auto* const mm = matmul();
  auto* const mf = matmul_to_float();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, g, g, 0, 1, 1, mm, mf, nullptr), Error, "n = 0");
  expect_bad_pointers_named(
      {"dout", "x", "w_gate", "w_up", "gate", "up", "dgate", "dup", "dx", "dw_gate", "dw_up"}, p, p, p, p, p,
      p, p, p, p, g, g, 1, 1, 1, mm, mf, nullptr);
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, g, g, 1, 1, 1, nullptr, mf, nullptr), Error,
                       "matmul != nullptr");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, p, p, p, p, p, g, g, 1, 1, 1, mm, nullptr, nullptr), Error,
                       "matmul_to_float != nullptr");
}

WB_TEST_IMPLEMENTATIONS(SiluMultiplyBf16Test, SiluMultiplyBf16);
WB_TEST_IMPLEMENTATIONS(SiluMultiplyBackwardBf16Test, SiluMultiplyBackwardBf16);
WB_TEST_IMPLEMENTATIONS(SwigluForwardBf16Test, SwigluForwardBf16);
WB_TEST_IMPLEMENTATIONS(SwigluBackwardBf16Test, SwigluBackwardBf16);

}  // namespace
}  // namespace wb
