// Tests of newton_schulz, in the order of the lesson's steps: the untouched starter fails at the first.
#include "02_matmul/newton_schulz.h"

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <limits>
#include <mutex>

#include "02_matmul/testing/newton_schulz_oracle.h"
#include "common/harness/far_matches.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/inspection.h"
#include "common/harness/sanitizer.h"

namespace {

using wb::area;

// The iteration is what is tested here: the product is the chapter's reference.
wb::Matmul::Function* reference_matmul() {
  return wb::find_implementation<wb::Matmul>("solution").function;
}

// Elements of X are below 1, and each comes out of sums of about S products with fp32 rounding. A step may
// multiply an error by up to 3.44 in directions where X is still small, and by 1.6 where it is not. The
// division alone rounds a few times.
wb::Tolerance tolerance_for(int steps) {
  return steps == 0 ? wb::Tolerance{1e-9, 1e-6} : wb::Tolerance{3e-6, 1e-6};
}

class NewtonSchulzTest : public wb::ImplementationTest<wb::NewtonSchulz> {
 protected:
  // Orthogonalizes x; every buffer starts `misalign` floats past a 256-byte boundary.
  std::vector<float> orthogonalize(const std::vector<float>& x, int r, int c, int steps,
                                   std::size_t misalign = 0,
                                   wb::Matmul::Function* matmul = reference_matmul()) {
    auto device_x = wb::GuardedBuffer<float>::input(x, misalign);
    auto out = wb::GuardedBuffer<float>::output(area(r, c), misalign);
    auto scratch = wb::GuardedBuffer<float>::output(wb::newton_schulz_scratch_size(r, c), misalign);
    run(device_x.data(), out.data(), scratch.data(), r, c, steps, matmul, nullptr);
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(device_x.check("x"));
    EXPECT_TRUE(scratch.check("scratch"));
    return out.download();
  }

  void expect_iteration(int r, int c, int steps, std::size_t misalign = 0) {
    SCOPED_TRACE("R = " + std::to_string(r) + ", C = " + std::to_string(c) +
                 ", steps = " + std::to_string(steps));
    const std::vector<float> x = wb::random_normal(area(r, c), 1);
    const std::vector<float> out = orthogonalize(x, r, c, steps, misalign);
    EXPECT_TRUE(wb::matches(out, wb::newton_schulz_oracle(x, r, c, steps), tolerance_for(steps), {{r, c}}))
        << explain(x, r, c, steps, misalign);
  }

  // The singular values that come out, beside what the polynomial makes of those that went in.
  void expect_singular_values(const std::vector<float>& x, int r, int c, double low, double high) {
    SCOPED_TRACE("R = " + std::to_string(r) + ", C = " + std::to_string(c));
    std::vector<double> expected = wb::singular_values(x, r, c);
    double squares = 0;
    for (const double s : expected) squares += s * s;
    for (double& s : expected) {
      s /= std::sqrt(squares);
      for (int step = 0; step < wb::kNewtonSchulzSteps; ++step) s = wb::newton_schulz_map(s);
    }
    std::sort(expected.begin(), expected.end(), std::greater<>());
    const std::vector<double> got = wb::singular_values(orthogonalize(x, r, c, wb::kNewtonSchulzSteps), r, c);
    EXPECT_TRUE(wb::matches(std::vector<float>(got.begin(), got.end()), expected, {1e-4, 1e-4}));
    EXPECT_GE(got.back(), low);
    EXPECT_LE(got.front(), high);
  }

 private:
  // Names the step at which it goes wrong, so that nobody looks for a mistake in a right one.
  std::string explain(const std::vector<float>& x, int r, int c, int steps, std::size_t misalign) {
    for (int step = 0; step <= steps; ++step) {
      const auto right = wb::newton_schulz_oracle(x, r, c, step);
      if (wb::matches(orthogonalize(x, r, c, step, misalign), right, tolerance_for(step))) continue;
      if (step == 0)
        return "already wrong with steps = 0: the division by the norm, or the buffer it ends in";
      return "right with steps = " + std::to_string(step - 1) +
             ", wrong with steps = " + std::to_string(step) +
             (r > c ? ". For a tall matrix gram is X^T X, and X' = X poly" : "");
    }
    return {};
  }
};

TEST_P(NewtonSchulzTest, DividesByTheNorm) {
  expect_iteration(1, 7, 0);
  expect_iteration(20, 50, 0);
  expect_iteration(300, 517, 0);  // more elements than a grid of 256 blocks has threads
}

TEST_P(NewtonSchulzTest, TakesOneStep) {
  expect_iteration(24, 40, 1);
}

TEST_P(NewtonSchulzTest, TakesManySteps) {
  for (const int steps : {2, 3, wb::kNewtonSchulzSteps}) expect_iteration(24, 40, steps);
}

TEST_P(NewtonSchulzTest, TakesTallMatrices) {
  for (const int steps : {1, 2, wb::kNewtonSchulzSteps}) expect_iteration(40, 24, steps);
}

// FLOPs of all products that pass through count_flops.
double counted_flops = 0;
void count_flops(wb::MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                 float alpha, float beta, cudaStream_t stream) {
  counted_flops += 2.0 * m * n * k;
  reference_matmul()(layout, a, b, c, m, n, k, alpha, beta, stream);
}

TEST_P(NewtonSchulzTest, MultipliesTheSmallSquares) {
  for (const auto& [r, c] : {std::pair{10, 90}, {90, 10}, {32, 32}}) {
    counted_flops = 0;
    orthogonalize(wb::random_normal(area(r, c), 1), r, c, wb::kNewtonSchulzSteps, 0, count_flops);
    const double s = std::min(r, c), l = std::max(r, c);
    EXPECT_LE(counted_flops, wb::kNewtonSchulzSteps * (4 * s * s * l + 2 * s * s * s))
        << "R = " << r << ", C = " << c
        << ": the squares are (S, S), S = min(R, C). For a tall matrix that is X^T X, not X X^T";
    EXPECT_GT(counted_flops, 0) << "the products are to be made by the matmul that is passed";
  }
}

// The polynomial's own bounds (newton_schulz.h), rounded outward.
TEST_P(NewtonSchulzTest, BringsSingularValuesNearOne) {
  constexpr double kLow = 0.68, kHigh = 1.21;
  expect_singular_values(wb::random_normal(area(32, 96), 1), 32, 96, kLow, kHigh);
  expect_singular_values(wb::random_normal(area(96, 32), 2), 96, 32, kLow, kHigh);
  expect_singular_values(wb::random_normal(area(1, 100), 3), 1, 100, kLow, kHigh);
  // A square one has singular values near 0, which five steps only lift.
  expect_singular_values(wb::random_normal(area(48, 48), 4), 48, 48, 0.0, kHigh);
}

TEST_P(NewtonSchulzTest, TakesEveryShape) {
  for (const auto& [r, c] : {std::pair{1, 1},
                             {1, 33},
                             {33, 1},
                             {2, 3},
                             {31, 32},
                             {63, 65},
                             {64, 64},
                             {65, 63},
                             {17, 401},
                             {401, 17}}) {
    expect_iteration(r, c, wb::kNewtonSchulzSteps);
    if (HasFailure()) return;  // one shape explains enough
  }
}

TEST_P(NewtonSchulzTest, DoesNotDependOnTheScale) {
  constexpr int kR = 20, kC = 30;
  const std::vector<float> x = wb::random_normal(area(kR, kC), 1);
  for (const float scale : {1e3f, 1e-3f, 1e12f}) {
    SCOPED_TRACE("scale " + std::to_string(scale));
    std::vector<float> scaled = x;
    for (float& value : scaled) value *= scale;
    EXPECT_TRUE(wb::matches(orthogonalize(scaled, kR, kC, wb::kNewtonSchulzSteps),
                            wb::newton_schulz_oracle(scaled, kR, kC, wb::kNewtonSchulzSteps),
                            tolerance_for(wb::kNewtonSchulzSteps), {{kR, kC}}));
  }
}

TEST_P(NewtonSchulzTest, LeavesZerosAndSpreadsNan) {
  constexpr int kR = 20, kC = 30;
  for (const float value : orthogonalize(std::vector<float>(area(kR, kC)), kR, kC, wb::kNewtonSchulzSteps)) {
    ASSERT_EQ(value, 0.0f) << "the epsilon belongs to the norm: 0 / 0 is NaN";
  }
  std::vector<float> x = wb::random_normal(area(kR, kC), 1);
  x[77] = std::numeric_limits<float>::quiet_NaN();
  for (const int steps : {0, wb::kNewtonSchulzSteps}) {
    for (const float value : orthogonalize(x, kR, kC, steps))
      ASSERT_TRUE(std::isnan(value)) << "steps = " << steps << ": an element is NaN, so the norm is";
  }
}

TEST_P(NewtonSchulzTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3}) expect_iteration(20, 32, wb::kNewtonSchulzSteps, misalign);
}

TEST_P(NewtonSchulzTest, WorksInPlace) {
  constexpr int kR = 24, kC = 40;
  const std::vector<float> x = wb::random_normal(area(kR, kC), 1);
  for (const int steps : {0, 1, 2, wb::kNewtonSchulzSteps}) {
    SCOPED_TRACE("steps = " + std::to_string(steps));
    auto out = wb::GuardedBuffer<float>::inout(x);
    wb::DeviceBuffer<float> scratch(wb::newton_schulz_scratch_size(kR, kC));
    run(out.data(), out.data(), scratch.data(), kR, kC, steps, reference_matmul(), nullptr);
    EXPECT_TRUE(wb::matches(out.download(), wb::newton_schulz_oracle(x, kR, kC, steps),
                            tolerance_for(wb::kNewtonSchulzSteps), {{kR, kC}, 0, x}));
  }
}

TEST_P(NewtonSchulzTest, TakesAnyMatmul) {
  constexpr int kR = 24, kC = 40;
  const std::vector<float> x = wb::random_normal(area(kR, kC), 1);
  for (const auto& matmul : wb::implementations<wb::Matmul>()) {
    SCOPED_TRACE("matmul " + matmul.name);
    EXPECT_TRUE(wb::matches(orthogonalize(x, kR, kC, wb::kNewtonSchulzSteps, 0, matmul.function),
                            wb::newton_schulz_oracle(x, kR, kC, wb::kNewtonSchulzSteps),
                            tolerance_for(wb::kNewtonSchulzSteps), {{kR, kC}}));
  }
}

TEST_P(NewtonSchulzTest, GivesTheSameBitsEveryTime) {
  const int c = wb::unless_inspected(300, 75);
  const std::vector<float> x = wb::random_normal(area(70, c), 1);
  EXPECT_EQ(orthogonalize(x, 70, c, wb::kNewtonSchulzSteps), orthogonalize(x, 70, c, wb::kNewtonSchulzSteps));
}

// A stream that stands still until the launcher has returned, or has not returned for far too long.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  bool waited_too_long = false;
  static void wait(void* gate) {
    auto& self = *static_cast<Gate*>(gate);
    std::unique_lock lock(self.mutex);
    self.waited_too_long = !self.changed.wait_for(lock, std::chrono::seconds(5), [&] { return self.open; });
  }
};

TEST_P(NewtonSchulzTest, NeverWaitsForTheDevice) {
  if (wb::sanitizer() == "initcheck") GTEST_SKIP() << "initcheck itself waits after a launch";
  constexpr int kR = 24, kC = 40;
  const std::vector<float> x = wb::random_normal(area(kR, kC), 1);
  orthogonalize(x, kR, kC, 1);  // the first launch of a kernel may load it, which waits
  wb::DeviceBuffer<float> device_x(x), out(x.size()), scratch(wb::newton_schulz_scratch_size(kR, kC));
  Gate gate;
  cudaStream_t stream = nullptr;
  WB_CUDA_CHECK(cudaStreamCreate(&stream));
  WB_CUDA_CHECK(cudaLaunchHostFunc(stream, &Gate::wait, &gate));
  implementation().function(device_x.data(), out.data(), scratch.data(), kR, kC, wb::kNewtonSchulzSteps,
                            reference_matmul(), stream);
  {
    const std::lock_guard lock(gate.mutex);
    gate.open = true;
  }
  gate.changed.notify_all();
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
  WB_CUDA_CHECK(cudaStreamDestroy(stream));
  EXPECT_FALSE(gate.waited_too_long) << "the launcher waited for the device: leave the norm in device memory";
  EXPECT_TRUE(wb::matches(out.download(), wb::newton_schulz_oracle(x, kR, kC, wb::kNewtonSchulzSteps),
                          tolerance_for(wb::kNewtonSchulzSteps), {{kR, kC}}));
}

// More than 2^31 elements, of which only those at the end are not 0. Without a step nothing is multiplied. On
// the CPU device one block runs, to which the last elements belong in a loop over the grid.
TEST_P(NewtonSchulzTest, CountsPastTwoToThe31) {
  constexpr int kR = 8, kSeen = 256, kBlock = 65536;
  constexpr int kC = (1 << 28) + kBlock / kR;
  const std::size_t size = area(kR, kC), scratch_size = wb::newton_schulz_scratch_size(kR, kC);
  if (const std::string why = wb::no_far_operands(2 * size + scratch_size, implementation().name);
      !why.empty()) {
    GTEST_SKIP() << why;
  }
  const wb::FarOperand x(size, wb::FarFill::kZeros), out(size, wb::FarFill::kZeros),
      scratch(scratch_size, wb::FarFill::kOwnZeros);
  const std::vector<float> last = wb::random_normal(kSeen, 1);
  const std::size_t first_seen = size - kSeen, bytes = kSeen * sizeof(float);
  WB_CUDA_CHECK(cudaMemcpy(x.data() + first_seen, last.data(), bytes, cudaMemcpyHostToDevice));
  wb::run_far(static_cast<std::int64_t>(size),
              [&] { run(x.data(), out.data(), scratch.data(), kR, kC, 0, reference_matmul(), nullptr); },
              {0, 1});
  std::vector<float> got(kSeen);
  WB_CUDA_CHECK(cudaMemcpy(got.data(), out.data() + first_seen, bytes, cudaMemcpyDeviceToHost));
  EXPECT_TRUE(wb::far_matches(got, wb::newton_schulz_oracle(last, 1, kSeen, 0), tolerance_for(0)))
      << "the last of " << size << " elements: too far for a 32-bit index";
}

TEST_P(NewtonSchulzTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::inout(wb::random_uniform(1024, 1));
  float* x = buffer.data();
  const auto matmul = reference_matmul();
  expect_bad_pointers_named({"x", "out", "scratch"}, x, x, x, 2, 2, 5, matmul, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x, x, 0, 2, 5, matmul, nullptr), wb::Error, "r = 0");
  EXPECT_THROW_MESSAGE(run(x, x, x, 2, -3, 5, matmul, nullptr), wb::Error, "c = -3");
  EXPECT_THROW_MESSAGE(run(x, x, x, 2, 2, -1, matmul, nullptr), wb::Error, "steps = -1");
  EXPECT_THROW_MESSAGE(run(x, x, x, 2, 2, 5, nullptr, nullptr), wb::Error, "matmul");
}

WB_TEST_IMPLEMENTATIONS(NewtonSchulzTest, wb::NewtonSchulz);

}  // namespace
