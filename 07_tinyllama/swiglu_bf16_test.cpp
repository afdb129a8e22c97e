// silu(gate) * up in bf16, against the oracle in double on the same rounded inputs.
#include <vector>

#include "07_tinyllama/silu_multiply.h"
#include "07_tinyllama/swiglu_oracle.h"
#include "common/harness/bf16.h"
#include "common/harness/implementation_test.h"

namespace wb {
namespace {

// Packs of eight and not; a block's tail; more than one block.
constexpr int kElements[] = {1, 7, 8, 31, 256, 1000, 1025, 5000};
constexpr Tolerance kTolerance = {1e-6, 1.01 * kBf16Rounding};

bf16* misaligned(bf16* pointer) {
  return reinterpret_cast<bf16*>(reinterpret_cast<char*>(pointer) + 1);
}

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
  EXPECT_THROW_MESSAGE(run(p, nullptr, p, 1, nullptr), Error, "up");
  EXPECT_THROW_MESSAGE(run(misaligned(p), p, p, 1, nullptr), Error, "is_aligned(gate)");
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
  EXPECT_THROW_MESSAGE(run(p, p, p, misaligned(p), p, 1, nullptr), Error, "is_aligned(dgate)");
}

WB_TEST_IMPLEMENTATIONS(SiluMultiplyBf16Test, SiluMultiplyBf16);
WB_TEST_IMPLEMENTATIONS(SiluMultiplyBackwardBf16Test, SiluMultiplyBackwardBf16);

}  // namespace
}  // namespace wb
