// Tests of histogram, in the order of the lesson's steps: the untouched starter fails at the first.
#include "04_layernorm/histogram.h"

#include <climits>
#include <numeric>
#include <string>
#include <vector>

#include "04_layernorm/testing/histogram_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/harness/far_operand.h"
#include "common/harness/implementation_test.h"
#include "common/harness/runtime_calls.h"

namespace {

class HistogramTest : public wb::ImplementationTest<wb::Histogram> {
 protected:
  // What is in `counts` before the call: 0, or anything.
  enum class Before { kZeros, kAnything };

  void expect_counts(const std::vector<int>& x, int bins, Before before = Before::kAnything,
                     std::size_t misalign = 0) {
    SCOPED_TRACE("n = " + std::to_string(x.size()) + ", bins = " + std::to_string(bins));
    const auto size = static_cast<std::size_t>(bins);
    auto device_x = wb::GuardedBuffer<int>::input(x, misalign);
    auto counts = before == Before::kZeros ? wb::GuardedBuffer<int>::inout(std::vector<int>(size), misalign)
                                           : wb::GuardedBuffer<int>::output(size, misalign);
    ASSERT_NO_THROW(run(device_x.data(), counts.data(), static_cast<std::int64_t>(x.size()), bins, nullptr));
    const std::vector<int> got = counts.download();
    const std::vector<double> expected = wb::histogram_oracle(x, bins);
    if (x.empty()) {  // zeros that a launcher may set without a kernel: nothing that one has computed
      EXPECT_EQ(got, std::vector<int>(size));
    } else {
      EXPECT_TRUE(wb::matches(wb::to_float(got), expected, {0.0, 0.0})) << explain(got, expected);
    }
    EXPECT_TRUE(counts.check("counts"));
    EXPECT_TRUE(device_x.check("x"));
  }

  // The kernel launches of one call, whose result is right.
  std::vector<wb::RuntimeCall> launches(std::size_t n, int bins) {
    const std::vector<int> x = wb::random_bins(n, bins, 10);
    expect_counts(x, bins);
    const wb::DeviceBuffer<int> device_x(x);
    wb::DeviceBuffer<int> counts(static_cast<std::size_t>(bins));
    wb::RuntimeCalls calls;
    run(device_x.data(), counts.data(), static_cast<std::int64_t>(n), bins, nullptr);
    calls.stop();
    EXPECT_GE(calls.count(wb::CallKind::kLaunch), 1u) << "no kernel was launched";
    return calls.of(wb::CallKind::kLaunch);
  }

  static std::string explain(const std::vector<int>& got, const std::vector<double>& expected) {
    const double found = std::accumulate(got.begin(), got.end(), 0.0);
    const double there = std::accumulate(expected.begin(), expected.end(), 0.0);
    const auto off = [&](std::size_t i) { return got[i] - static_cast<int>(expected[i]); };
    bool is_constant = off(0) != 0;
    for (std::size_t i = 0; i < got.size(); ++i) is_constant &= off(i) == off(0);
    if (is_constant && got.size() > 1) {
      return "all counts are off by " + std::to_string(off(0)) +
             ": did they begin at 0, and those of each block too? (the test leaves -1 in them)";
    }
    const std::string sums = "the counts add up to " + std::to_string(static_cast<std::int64_t>(found)) +
                             ", and " + std::to_string(static_cast<std::int64_t>(there)) +
                             " elements have a bin";
    if (found < there) return sums + ": some are not counted, or additions are lost (is each one atomic?)";
    return found > there ? sums + ": some are counted twice, or counts do not begin at 0" : "";
  }
};

TEST_P(HistogramTest, CountsOneBlock) {
  expect_counts(wb::random_bins(256, 16, 1), 16, Before::kZeros);
}

TEST_P(HistogramTest, CountsManyBlocks) {
  expect_counts(wb::random_bins(8192, 100, 2), 100, Before::kZeros);
  expect_counts(std::vector<int>(8192, 7), 10, Before::kZeros);
}

TEST_P(HistogramTest, GuardsTheTail) {
  for (const int n : wb::edge_sizes()) {
    expect_counts(wb::random_bins(static_cast<std::size_t>(n), 33, 3), 33, Before::kZeros);
    if (HasFailure()) return;  // one size explains enough
  }
}

TEST_P(HistogramTest, IgnoresValuesWithoutABin) {
  std::vector<int> x = wb::random_bins(1000, 50, 4);
  x[0] = -1;
  x[17] = 50;
  x[500] = INT_MAX;
  x[999] = INT_MIN;
  expect_counts(x, 50, Before::kZeros);
}

TEST_P(HistogramTest, OverwritesTheCounts) {
  expect_counts(wb::random_bins(1000, 20, 5), 20);
}

// The default stream waits for others in most programs, so a call in it is right, and only slow; in a program
// with streams that do not wait for it, it comes at any time.
TEST_P(HistogramTest, WorksInItsStreamAlone) {
  cudaStream_t stream = nullptr;
  WB_CUDA_CHECK(cudaStreamCreate(&stream));
  const std::vector<int> x = wb::random_bins(1000, 20, 9);
  const wb::DeviceBuffer<int> device_x(x);
  wb::DeviceBuffer<int> counts(20);
  counts.fill_bytes(0xFF);
  {
    wb::RuntimeCalls calls;
    run(device_x.data(), counts.data(), 1000, 20, stream);
    calls.stop();
    for (const wb::RuntimeCall& call : calls.all()) {
      const bool is_work = call.kind == wb::CallKind::kFill || call.kind == wb::CallKind::kCopy ||
                           call.kind == wb::CallKind::kLaunch;
      EXPECT_TRUE(!is_work || call.stream == stream)
          << wb::to_text(call) << " is in another stream than the given one";
    }
  }
  WB_CUDA_CHECK(cudaStreamDestroy(stream));
  EXPECT_TRUE(wb::matches(wb::to_float(counts.download()), wb::histogram_oracle(x, 20), {0.0, 0.0}));
}

TEST_P(HistogramTest, CountsNothing) {
  expect_counts({}, 20);
}

// The naive kernel counts in global memory, a block for every 256 elements: that is the difference.
TEST_P(HistogramTest, CountsInSharedMemory) {
  if (implementation().name == "naive") GTEST_SKIP() << "naive has no counts of its blocks";
  for (const wb::RuntimeCall& launch : launches(2000, 1000)) {
    EXPECT_GE(launch.bytes, 1000 * sizeof(int))
        << "the launch gives each block " << launch.bytes
        << " bytes of shared memory, and 1000 counts need 4000: kernel<<<grid, block, bytes, stream>>>";
  }
}

TEST_P(HistogramTest, CountsAnyNumberOfBins) {
  // One; both sides of a block; the last that fit 48 KB, and the first that do not; many.
  for (const int bins : {1, 2, 255, 256, 257, 1000, 12288, 12289, 100000}) {
    expect_counts(wb::random_bins(2000, bins, 6), bins);
    if (HasFailure()) return;
  }
}

TEST_P(HistogramTest, CountsManyElements) {
  constexpr std::size_t kSize = 300007;  // more than 1024 blocks of 256 threads
  for (const int tenths : {0, 9, 10}) {
    SCOPED_TRACE(std::to_string(tenths) + " of 10 elements are in bin 0");
    expect_counts(wb::random_bins(kSize, 256, 7, tenths), 256);
    if (HasFailure()) return;
  }
}

TEST_P(HistogramTest, LoopsOverTheGrid) {
  if (implementation().name == "naive") GTEST_SKIP() << "naive has a thread per element";
  for (const wb::RuntimeCall& launch : launches(300007, 256)) {
    EXPECT_LE(launch.grid.x, 1024u)
        << "each block adds its counts to the result, so let few blocks count many "
           "elements each: 1024 blocks at most, and a loop with the stride of the grid";
  }
}

// The step after the last element lies past 2^31. On the CPU device only the last block runs.
TEST_P(HistogramTest, CountsTheMostElements) {
  constexpr std::int64_t kSize = INT_MAX;
  constexpr int kBins = 8;
  const std::string why = wb::no_far_operands(static_cast<std::size_t>(kSize), implementation().name);
  if (!why.empty()) GTEST_SKIP() << why;
  const wb::FarOperand memory(static_cast<std::size_t>(kSize));
  int* const x = reinterpret_cast<int*>(memory.data());  // values without a bin
  const std::vector<int> last = {5, 5, 5};
  WB_CUDA_CHECK(cudaMemcpy(x + kSize - 3, last.data(), 3 * sizeof(int), cudaMemcpyHostToDevice));
  wb::DeviceBuffer<int> counts(kBins);
  wb::run_far(kSize, [&] { run(x, counts.data(), kSize, kBins, nullptr); }, {0, 1});
  const std::vector<int> got = counts.download();
  if (wb::device_is_cpu() && got[5] == 0) GTEST_SKIP() << "the last block of this grid has other elements";
  EXPECT_EQ(got, (std::vector<int>{0, 0, 0, 0, 0, 3, 0, 0}));
}

TEST_P(HistogramTest, TakesAnyAlignment) {
  for (const std::size_t misalign : {1, 2, 3})
    expect_counts(wb::random_bins(1000, 40, 8), 40, Before::kAnything, misalign);
}

TEST_P(HistogramTest, RejectsBadArguments) {
  auto buffer = wb::GuardedBuffer<int>::inout(std::vector<int>(16, 1));
  int* x = buffer.data();
  expect_bad_pointers_named({"x", "counts"}, x, x + 8, std::int64_t{4}, 4, nullptr);
  EXPECT_THROW_MESSAGE(run(x, x + 8, -1, 4, nullptr), wb::Error, "n = -1");
  EXPECT_THROW_MESSAGE(run(x, x + 8, std::int64_t{1} << 31, 4, nullptr), wb::Error, "n = 2147483648");
  EXPECT_THROW_MESSAGE(run(x, x + 8, 4, 0, nullptr), wb::Error, "bins = 0");
}

WB_TEST_IMPLEMENTATIONS(HistogramTest, wb::Histogram);

}  // namespace
