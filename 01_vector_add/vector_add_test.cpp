// Tests of vector_add, in the order of the lesson's steps: the untouched starter fails at the first.
#include "01_vector_add/vector_add.h"

#include <array>
#include <string>
#include <vector>

#include "common/core/device_info.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"

namespace {

constexpr int kThreads = 256;  // what the lesson's kernels use; only names a block and thread in messages

// One correctly rounded addition: half a unit in the last place, 2^-24.
constexpr wb::Tolerance kTolerance{0.0, 6e-8};

std::vector<double> oracle(const std::vector<float>& a, const std::vector<float>& b) {
  std::vector<double> sum(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) sum[i] = static_cast<double>(a[i]) + static_cast<double>(b[i]);
  return sum;
}

class VectorAddTest : public wb::ImplementationTest<wb::VectorAdd> {
 protected:
  // Adds n random elements whose buffers start `misalign` elements past a 256-byte boundary.
  void expect_sum(int n, std::size_t misalign_a = 0, std::size_t misalign_b = 0,
                  std::size_t misalign_out = 0) {
    SCOPED_TRACE("n = " + std::to_string(n));
    const auto size = static_cast<std::size_t>(n);
    const std::vector<float> a = wb::random_uniform(size, 1), b = wb::random_uniform(size, 2);
    auto device_a = wb::GuardedBuffer<float>::input(a, misalign_a);
    auto device_b = wb::GuardedBuffer<float>::input(b, misalign_b);
    auto out = wb::GuardedBuffer<float>::output(size, misalign_out);
    ASSERT_NO_THROW(run(device_a.data(), device_b.data(), out.data(), n, nullptr));
    EXPECT_TRUE(wb::matches(out.download(), oracle(a, b), kTolerance, {{n}, kThreads}));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(device_a.check("a"));
    EXPECT_TRUE(device_b.check("b"));
  }
};

TEST_P(VectorAddTest, AddsOneBlock) {
  expect_sum(256);
}

TEST_P(VectorAddTest, AddsManyBlocks) {
  expect_sum(4096);
}

TEST_P(VectorAddTest, GuardsTheTail) {
  expect_sum(1000);
}

TEST_P(VectorAddTest, AddsEverySize) {
  for (const int n : wb::edge_sizes()) {
    expect_sum(n);
    if (HasFailure()) return;  // one size explains enough
  }
}

TEST_P(VectorAddTest, AddsAMillion) {
  expect_sum(1000003);
}

TEST_P(VectorAddTest, DoesNothingForNoElements) {
  run(nullptr, nullptr, nullptr, 0, nullptr);
  expect_sum(0);
}

TEST_P(VectorAddTest, TakesAnyAlignment) {
  for (const auto& [a, b, out] : {std::array<std::size_t, 3>{1, 1, 1}, {1, 0, 0}, {0, 2, 0}, {0, 0, 3}}) {
    SCOPED_TRACE("a, b, out start " + std::to_string(a) + ", " + std::to_string(b) + ", " +
                 std::to_string(out) + " elements past a 256-byte boundary");
    expect_sum(1000, a, b, out);
    if (HasFailure()) return;
  }
}

TEST_P(VectorAddTest, AddsInPlace) {
  constexpr int kSize = 1000;
  const std::vector<float> a = wb::random_uniform(kSize, 1), b = wb::random_uniform(kSize, 2);
  const wb::Shape shape{{kSize}, kThreads, a};
  for (const bool is_a : {true, false}) {
    SCOPED_TRACE(is_a ? "out is a" : "out is b");
    auto out = wb::GuardedBuffer<float>::inout(a);
    auto other = wb::GuardedBuffer<float>::input(b);
    float* first = is_a ? out.data() : other.data();
    float* second = is_a ? other.data() : out.data();
    ASSERT_NO_THROW(run(first, second, out.data(), kSize, nullptr));
    EXPECT_TRUE(wb::matches(out.download(), oracle(a, b), kTolerance, shape));
    EXPECT_TRUE(out.check("out"));
    EXPECT_TRUE(other.check("the other input"));
  }
}

TEST_P(VectorAddTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<float>::output(4);
  float* x = buffer.data();
  EXPECT_THROW_MESSAGE(run(x, x, x, -1, nullptr), wb::Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(nullptr, x, x, 4, nullptr), wb::Error, "a = 0");
  EXPECT_THROW_MESSAGE(run(x, nullptr, x, 4, nullptr), wb::Error, "b = 0");
  EXPECT_THROW_MESSAGE(run(x, x, nullptr, 4, nullptr), wb::Error, "out = 0");
  auto* askew = wb::misaligned(x);
  EXPECT_THROW_MESSAGE(run(askew, x, x, 2, nullptr), wb::Error, "is_aligned(a)");
  EXPECT_THROW_MESSAGE(run(x, askew, x, 2, nullptr), wb::Error, "is_aligned(b)");
  EXPECT_THROW_MESSAGE(run(x, x, askew, 2, nullptr), wb::Error, "is_aligned(out)");
}

// In place, to need two buffers of 8 GiB and not three. A 32-bit index wraps here.
TEST_P(VectorAddTest, CountsPastTwoToThe31) {
  const std::int64_t size = wb::far_elements() + 1000;
  constexpr std::size_t kWindow = 2000;
  const std::string why = wb::no_far_operands(2 * static_cast<std::size_t>(size), implementation().name);
  if (!why.empty()) GTEST_SKIP() << why;
  const wb::FarOperand a(static_cast<std::size_t>(size)), b(static_cast<std::size_t>(size));
  // Checked at the start, and on both sides of element 2^31 (on the CPU device, 2^32).
  const std::vector<float> host_a = wb::random_uniform(kWindow, 1), host_b = wb::random_uniform(kWindow, 2);
  const std::int64_t starts[] = {size - std::int64_t{kWindow}, 0};
  for (const std::int64_t start : starts) {
    WB_CUDA_CHECK(
        cudaMemcpy(a.data() + start, host_a.data(), kWindow * sizeof(float), cudaMemcpyHostToDevice));
    WB_CUDA_CHECK(
        cudaMemcpy(b.data() + start, host_b.data(), kWindow * sizeof(float), cudaMemcpyHostToDevice));
  }
  wb::run_far(size, [&] { run(a.data(), b.data(), a.data(), size, nullptr); });
  for (const std::int64_t start : starts) {
    std::vector<float> got(kWindow);
    WB_CUDA_CHECK(cudaMemcpy(got.data(), a.data() + start, kWindow * sizeof(float), cudaMemcpyDeviceToHost));
    EXPECT_TRUE(wb::matches(got, oracle(host_a, host_b), kTolerance, {{kWindow}, 0, host_a}))
        << "elements from " << start << (start == 0 ? "" : ": too far for a 32-bit index");
  }
}

WB_TEST_IMPLEMENTATIONS(VectorAddTest, wb::VectorAdd);

}  // namespace
