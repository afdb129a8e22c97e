// Tests of muon, in the order of the lesson's steps: the untouched starter fails at the first.
#include "07_tinyllama/muon.h"

#include <vector>

#include "07_tinyllama/testing/muon_oracle.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/runtime_calls.h"

namespace wb {
namespace {

Matmul::Function* matmul() {
  return find_implementation<Matmul>("solution").function;
}
NewtonSchulz::Function* newton_schulz() {
  return find_implementation<NewtonSchulz>("solution").function;
}

// What the launcher handed to the orthogonalizer.
struct Handed {
  int calls = 0, r = 0, c = 0, steps = 0;
  bool in_order = true;
} handed;

// In the place of newton_schulz: leaves the update as it is, so that what surrounds it can be seen.
void keep(const float* x, float* out, float*, int r, int c, int steps, Matmul::Function* product,
          cudaStream_t stream) {
  handed = {handed.calls + 1, r, c, steps, product == matmul()};
  if (x != out) {
    WB_CUDA_CHECK(cudaMemcpyAsync(out, x, area(r, c) * sizeof(float), cudaMemcpyDeviceToDevice, stream));
  }
}

class MuonTest : public ImplementationTest<Muon> {
 protected:
  struct State {
    std::vector<float> p, m;
  };

  // One step from the given state; every buffer starts `misalign` floats past a 256-byte boundary.
  State step(const State& state, const std::vector<float>& gradients, int r, int c, const MuonConfig& config,
             NewtonSchulz::Function* orthogonalize, std::size_t misalign = 0) {
    auto p = GuardedBuffer<float>::inout(state.p, misalign),
         m = GuardedBuffer<float>::inout(state.m, misalign);
    auto g = GuardedBuffer<float>::input(gradients, misalign);
    auto scratch = GuardedBuffer<float>::output(muon_scratch_size(r, c), misalign);
    run(p.data(), g.data(), m.data(), scratch.data(), r, c, config, orthogonalize, matmul(), nullptr);
    EXPECT_TRUE(p.check("parameters"));
    EXPECT_TRUE(g.check("gradients"));
    EXPECT_TRUE(m.check("momentum"));
    EXPECT_TRUE(scratch.check("scratch"));
    return {p.download(), m.download()};
  }

  // `steps` steps from random parameters and momentum, each compared with the oracle's.
  void expect_oracle(int r, int c, const MuonConfig& config, bool orthogonalizes, int steps = 1,
                     std::size_t misalign = 0) {
    SCOPED_TRACE(testing::Message() << "R " << r << ", C " << c);
    State state = {random_normal(area(r, c), 1), random_normal(area(r, c), 2)};
    for (int i = 0; i < steps; ++i) {
      const auto gradients = random_normal(area(r, c), 10 + static_cast<std::uint64_t>(i));
      const MuonOracle before = {to_double(state.p), to_double(state.m), r, c, orthogonalizes};
      MuonOracle oracle = before;
      oracle.step(gradients, config);
      state = step(state, gradients, r, c, config, orthogonalizes ? newton_schulz() : keep, misalign);
      EXPECT_TRUE(matches(state.m, oracle.m, {1e-6, 1e-6}, {{r, c}})) << "the momentum";
      // newton_schulz is exact to 3e-6 in its own tests; the learning rate takes from that.
      const Tolerance tolerance = {1e-6, 1e-6};
      EXPECT_TRUE(matches(state.p, oracle.p, tolerance, {{r, c}}))
          << "the parameters\n"
          << explain_muon(state.p, before, gradients, config, tolerance);
    }
  }
};

TEST_P(MuonTest, AddsToTheMomentum) {
  const int r = 16, c = 24;
  State state = {random_normal(area(r, c), 1), std::vector<float>(area(r, c), 0.0f)};
  MuonOracle oracle = {to_double(state.p), to_double(state.m), r, c, false};
  for (const std::uint64_t seed : {2, 3, 4}) {
    const std::vector<float> before = state.m, gradients = random_normal(area(r, c), seed);
    state = step(state, gradients, r, c, {}, keep);
    oracle.step(gradients, {});
    EXPECT_TRUE(matches(state.m, oracle.m, {1e-6, 1e-6}, {{r, c}, 0, before}))
        << "the momentum\nm = mu m + g keeps mu times what was there";
  }
}

// The orthogonalizer leaves the update alone here, and there is no decay: p - lr u, u = g + mu m.
TEST_P(MuonTest, LooksAhead) {
  expect_oracle(32, 32, {.learning_rate = 0.125f}, false);
}

TEST_P(MuonTest, HandsTheUpdateToTheOrthogonalizer) {
  handed = {};
  expect_oracle(6, 10, {}, false);
  EXPECT_EQ(handed.calls, 1);
  EXPECT_EQ(handed.r, 6);
  EXPECT_EQ(handed.c, 10);
  EXPECT_EQ(handed.steps, kNewtonSchulzSteps);
  EXPECT_TRUE(handed.in_order) << "newton_schulz must get the matmul that the caller chose";
}

TEST_P(MuonTest, OrthogonalizesTheUpdate) {
  expect_oracle(24, 24, {.learning_rate = 0.125f}, true);
  expect_oracle(24, 40, {.learning_rate = 0.125f}, true);
}

TEST_P(MuonTest, ScalesTallMatrices) {
  expect_oracle(40, 10, {.learning_rate = 0.125f}, false);
  expect_oracle(10, 40, {.learning_rate = 0.125f}, false);
  expect_oracle(40, 10, {.learning_rate = 0.125f}, true);
}

TEST_P(MuonTest, DecaysTheParameters) {
  expect_oracle(40, 10, {.learning_rate = 0.125f, .weight_decay = 0.25f}, true);
}

// A row, a column, a number; odd sizes; more than one block.
TEST_P(MuonTest, AgreesWithTheOracle) {
  const MuonConfig config = {.learning_rate = 0.05f, .momentum = 0.9f, .weight_decay = 0.1f};
  for (const auto& [r, c] : {std::pair{1, 1}, {1, 37}, {33, 1}, {17, 31}, {64, 65}, {100, 33}}) {
    expect_oracle(r, c, config, true, 2);
  }
}

TEST_P(MuonTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) {
    expect_oracle(20, 12, {.weight_decay = 0.1f}, true, 1, misalign);
  }
}

// A layer that gets no gradient must stay what it is: 0 / 0 would make it NaN.
TEST_P(MuonTest, LeavesAMatrixWithoutGradientAlone) {
  const std::vector<float> zeros(area(8, 12), 0.0f), parameters = random_normal(area(8, 12), 1);
  const State got = step({parameters, zeros}, zeros, 8, 12, {}, newton_schulz());
  EXPECT_EQ(got.p, parameters);
}

// A graph cannot contain a step that allocates or waits.
TEST_P(MuonTest, NeitherAllocatesNorWaits) {
  const int r = 8, c = 12;
  DeviceBuffer<float> p(random_normal(area(r, c), 1)), m(random_normal(area(r, c), 2)),
      scratch(muon_scratch_size(r, c));
  const DeviceBuffer<float> g(random_normal(area(r, c), 3));
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  RuntimeCalls calls;
  implementation().function(p.data(), g.data(), m.data(), scratch.data(), r, c, MuonConfig{}, keep, matmul(),
                            detail::stream_of_tests());
  calls.stop();
  EXPECT_GE(calls.count(CallKind::kLaunch), 1u) << "kernels launched";
  for (const RuntimeCall& call : calls.all()) {
    EXPECT_FALSE(call.waits || call.kind == CallKind::kWait || call.kind == CallKind::kAllocate)
        << to_text(call) << ": a graph cannot contain a step that allocates or waits";
  }
}

// What it is for: every direction of a step is about equally long, however unequal the gradient's are.
TEST_P(MuonTest, StepsEquallyFarInAllDirections) {
  const int r = 12, c = 20;
  const std::vector<float> zeros(area(r, c), 0.0f);
  std::vector<float> gradients = random_normal(area(r, c), 1);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    gradients[i] *= 1.0f / static_cast<float>(1 + i / static_cast<std::size_t>(c));
  }
  const State got = step({zeros, zeros}, gradients, r, c, {.learning_rate = 1.0f}, newton_schulz());
  const std::vector<double> lengths = singular_values(got.p, r, c);
  EXPECT_LE(lengths.front(), 1.3);
  EXPECT_GE(lengths.back(), 0.6);
}

// More than 2^31 elements, of which the last are looked at. What orthogonalizes leaves them as they are.
constexpr std::size_t kSeen = 1000;
void keep_the_end(const float* x, float* out, float*, int r, int c, int, Matmul::Function*,
                  cudaStream_t stream) {
  if (x == out) return;
  const std::size_t first = area(r, c) - kSeen;
  WB_CUDA_CHECK(
      cudaMemcpyAsync(out + first, x + first, kSeen * sizeof(float), cudaMemcpyDeviceToDevice, stream));
}

TEST_P(MuonTest, CountsPastTwoToThe31) {
  constexpr int kR = 5;
  const int c = static_cast<int>(far_elements() / kR + 1000) | 1;  // odd: no packs of 16 bytes
  const std::size_t size = area(kR, c), scratch_size = muon_scratch_size(kR, c), first = size - kSeen;
  if (const std::string why = no_far_operands(3 * size + scratch_size, implementation().name); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const FarOperand p(size, FarFill::kZeros), g(size, FarFill::kZeros), m(size, FarFill::kZeros),
      scratch(scratch_size, FarFill::kOwnZeros);
  const auto parameters = random_normal(kSeen, 1), gradients = random_normal(kSeen, 2);
  constexpr std::size_t kBytes = kSeen * sizeof(float);
  WB_CUDA_CHECK(cudaMemcpy(p.data() + first, parameters.data(), kBytes, cudaMemcpyHostToDevice));
  WB_CUDA_CHECK(cudaMemcpy(g.data() + first, gradients.data(), kBytes, cudaMemcpyHostToDevice));
  const MuonConfig config = {.learning_rate = 0.125f, .weight_decay = 0.25f};
  run_far(static_cast<std::int64_t>(size), [&] {
    run(p.data(), g.data(), m.data(), scratch.data(), kR, c, config, keep_the_end, matmul(), nullptr);
  });
  // As a matrix that is as wide: of more columns than rows, so muon_scale is 1.
  MuonOracle oracle = {to_double(parameters), std::vector<double>(kSeen), 1, static_cast<int>(kSeen), false};
  oracle.step(gradients, config);
  std::vector<float> got(kSeen);
  WB_CUDA_CHECK(cudaMemcpy(got.data(), p.data() + first, kBytes, cudaMemcpyDeviceToHost));
  EXPECT_TRUE(far_matches(got, oracle.p, {1e-6, 1e-6}))
      << "the last of " << size << " parameters: too far for a 32-bit index";
}

TEST_P(MuonTest, RefusesWhatTheContractForbids) {
  DeviceBuffer<float> data(4096);
  float* p = data.data();
  const MuonConfig config;
  auto* const o = newton_schulz();
  auto* const x = matmul();
  EXPECT_THROW_MESSAGE(run(p, p, p, p, 0, 1, config, o, x, nullptr), Error, "r = 0");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, 1, -2, config, o, x, nullptr), Error, "c = -2");
  expect_bad_pointers_named({"parameters", "gradients", "momentum", "scratch"}, p, p, p, p, 1, 1, config, o,
                            x, nullptr);
  EXPECT_THROW_MESSAGE(run(p, p, p, p, 1, 1, config, nullptr, x, nullptr), Error, "orthogonalize");
  EXPECT_THROW_MESSAGE(run(p, p, p, p, 1, 1, config, o, nullptr, nullptr), Error, "matmul");
}

WB_TEST_IMPLEMENTATIONS(MuonTest, Muon);

}  // namespace
}  // namespace wb
