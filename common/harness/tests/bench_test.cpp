// The benchmark fixture measures, checks and refuses. Copies on the stream stand in for kernels.
#include "common/harness/bench.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "common/core/device_buffer.h"
#include "common/core/rng.h"
#include "common/harness/bench_measure.h"
#include "common/harness/bench_report.h"
#include "common/harness/matcher.h"

namespace {

using wb::detail::BenchmarkCase;
using wb::detail::Outcome;
using wb::detail::Roofs;

// out = in, by different "implementations".
struct Copy {
  static constexpr const char* kName = "copy";
  using Function = void(const float* in, float* out, std::size_t n, cudaStream_t stream);
};

void whole(const float* in, float* out, std::size_t n, cudaStream_t stream) {
  WB_CUDA_CHECK(cudaMemcpyAsync(out, in, n * sizeof(float), cudaMemcpyDeviceToDevice, stream));
}
void half(const float* in, float* out, std::size_t n, cudaStream_t stream) {
  whole(in, out, n / 2, stream);
}
void only_once(const float* in, float* out, std::size_t n, cudaStream_t stream) {
  static bool done = false;
  if (!done) whole(in, out, n, stream);
  done = true;
}
// Looks right and fast where inputs never change.
void once_per_pointer(const float* in, float* out, std::size_t n, cudaStream_t stream) {
  static std::set<const float*> done;
  if (done.insert(out).second) whole(in, out, n, stream);
}
void add(const float* in, float* out, std::size_t n, cudaStream_t stream) {
  std::vector<float> sum(n), more(n);
  WB_CUDA_CHECK(cudaMemcpyAsync(sum.data(), out, n * sizeof(float), cudaMemcpyDeviceToHost, stream));
  WB_CUDA_CHECK(cudaMemcpyAsync(more.data(), in, n * sizeof(float), cudaMemcpyDeviceToHost, stream));
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
  for (std::size_t i = 0; i < n; ++i) sum[i] += more[i];
  WB_CUDA_CHECK(cudaMemcpyAsync(out, sum.data(), n * sizeof(float), cudaMemcpyHostToDevice, stream));
  WB_CUDA_CHECK(cudaStreamSynchronize(stream));
}
void throws(const float*, float*, std::size_t n, cudaStream_t) {
  WB_REQUIRE(n == 0, n);
}

class CopyProblem {
 public:
  using Contract = Copy;
  struct Buffers {
    wb::DeviceBuffer<float> in, out;
  };
  std::string name() const { return "n=4096"; }
  wb::Work work() const { return {2.0 * kSize * sizeof(float), 0}; }
  std::size_t buffer_bytes() const { return 2 * kSize * sizeof(float); }
  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<float>(wb::random_uniform(kSize, seed)), wb::DeviceBuffer<float>(kSize)};
  }
  void clear(Buffers& buffers) const { buffers.out.fill_bytes(0xFF); }
  void call(Contract::Function* copy, Buffers& buffers, cudaStream_t stream) const {
    copy(buffers.in.data(), buffers.out.data(), kSize, stream);
  }
  testing::AssertionResult check(const Buffers& buffers) const {
    return wb::matches(buffers.out.download(), wb::to_double(buffers.in.download()), {0, 0});
  }

 private:
  static constexpr std::size_t kSize = 4096;
};

// out += in: check() sees one call only if what the timed calls added up is cleared.
class AddProblem : public CopyProblem {
 public:
  static constexpr bool kAccumulates = true;
  void clear(Buffers& buffers) const { buffers.out.fill_bytes(0); }
};

// What is allocated depends on who is measured.
class OwnMemoryProblem : public CopyProblem {
 public:
  Buffers allocate(std::uint64_t seed, Contract::Function* copy) const {
    WB_REQUIRE(copy == whole, seed);
    return CopyProblem::allocate(seed);
  }
};

template <class Problem = CopyProblem>
BenchmarkCase make_case(const std::string& name, Copy::Function* function) {
  const Problem problem;
  return {Copy::kName,
          problem.name(),
          name,
          problem.work(),
          problem.buffer_bytes(),
          [problem, function](std::size_t sets) {
            return std::make_unique<wb::detail::ProblemSession<Problem>>(problem, function, sets);
          }};
}

wb::detail::Measurement measure(const BenchmarkCase& which, const Roofs& roofs = {}) {
  wb::detail::CaseTimer timer(which, roofs);
  for (int i = 0; i < 5; ++i) timer.sample();
  return timer.finish();
}

TEST(Bench, MeasuresARightImplementation) {
  const auto result = measure(make_case("whole", whole));
  EXPECT_EQ(result.outcome, Outcome::kOk) << result.message;
  EXPECT_GT(result.timing.minimum, 0);
  EXPECT_LE(result.timing.minimum, result.timing.median);
  EXPECT_LE(result.timing.median, result.timing.maximum);
  EXPECT_EQ(result.timing.samples, 6U);  // and one by finish()
  EXPECT_GE(result.batch, 1U);
}

TEST(Bench, SaysWhoseMemoryIsAllocated) {
  const auto result = measure(make_case<OwnMemoryProblem>("whole", whole));
  EXPECT_EQ(result.outcome, Outcome::kOk) << result.message;
  EXPECT_EQ(measure(make_case<OwnMemoryProblem>("throws", throws)).outcome, Outcome::kError);
}

TEST(Bench, FindsAWrongResultBeforeTiming) {
  const auto result = measure(make_case("half", half));
  EXPECT_EQ(result.outcome, Outcome::kWrong);
  EXPECT_NE(result.message.find("2048 of 4096 elements are wrong"), std::string::npos) << result.message;
}

TEST(Bench, FindsAWrongResultAfterTiming) {
  const auto result = measure(make_case("only_once", only_once));
  EXPECT_EQ(result.outcome, Outcome::kWrong);
  EXPECT_NE(result.message.find("right at first, wrong"), std::string::npos) << result.message;
}

TEST(Bench, FindsAResultThatWasKept) {
  const auto result = measure(make_case("once_per_pointer", once_per_pointer));
  EXPECT_EQ(result.outcome, Outcome::kWrong);
  EXPECT_NE(result.message.find("once the inputs had changed"), std::string::npos) << result.message;
  EXPECT_EQ(measure(make_case<AddProblem>("once_per_pointer", once_per_pointer)).outcome, Outcome::kWrong);
}

TEST(Recycling, GivesNewContentsOldAddresses) {
  std::vector<std::unique_ptr<wb::DeviceBuffer<float>>> buffers;
  for (const std::size_t n : {100, 200, 100}) buffers.push_back(std::make_unique<wb::DeviceBuffer<float>>(n));
  const float* first = buffers[1]->data();
  const std::size_t before = wb::device_memory_use().current;
  {
    const wb::RecycledDeviceMemory recycled;
    buffers[1].reset();
    EXPECT_NE(wb::DeviceBuffer<float>(300).data(), first);
    buffers[1] = std::make_unique<wb::DeviceBuffer<float>>(std::size_t{200});
    EXPECT_EQ(buffers[1]->data(), first);
    EXPECT_EQ(wb::device_memory_use().current, before + 300 * sizeof(float));  // kept until the end
  }
  EXPECT_EQ(wb::device_memory_use().current, before);
}

TEST(Bench, ChecksASingleCallWhereOutputsAccumulate) {
  EXPECT_EQ(measure(make_case<AddProblem>("add", add)).outcome, Outcome::kOk);
  EXPECT_EQ(measure(make_case<AddProblem>("only_once", only_once)).outcome, Outcome::kWrong);
}

TEST(Bench, ReportsAnExceptionAsTheRowsError) {
  const auto result = measure(make_case("throws", throws));
  EXPECT_EQ(result.outcome, Outcome::kError);
  EXPECT_NE(result.message.find("n = 4096"), std::string::npos) << result.message;
}

TEST(Bench, RefusesAResultAboveTheRoof) {
  const auto result = measure(make_case("whole", whole), Roofs{1.0, 0, 0});  // a roof of one byte a second
  EXPECT_EQ(result.outcome, Outcome::kAboveRoof);
  EXPECT_NE(result.message.find("times the copy bandwidth"), std::string::npos) << result.message;

  wb::detail::BenchmarkTable table(Roofs{1.0, 0, 0}, true);
  testing::internal::CaptureStdout();
  table.add(result);
  EXPECT_NE(testing::internal::GetCapturedStdout().find("REFUSED"), std::string::npos);
  EXPECT_FALSE(table.all_ok());
  EXPECT_EQ(table.results("bench")["rows"][0]["outcome"], "above_roof");
}

TEST(Roof, BindsBytesAndFlopsOfTheUnitsThatDoThem) {
  const Roofs roofs{100.0, 1000.0};
  EXPECT_FALSE(wb::detail::above_roof({100, 10}, 1.0, roofs));
  EXPECT_FALSE(wb::detail::above_roof({110, 10}, 1.0, roofs));  // within the margin
  EXPECT_TRUE(wb::detail::above_roof({120, 10}, 1.0, roofs));
  EXPECT_TRUE(wb::detail::above_roof({1, 2000}, 1.0, roofs));
  EXPECT_FALSE(wb::detail::above_roof({1, 2000, true}, 1.0, roofs));  // a roof that is not known
  EXPECT_FALSE(wb::detail::above_roof({1, 2000, true}, 1.0, {100.0, 1000.0, 8000.0}));
  EXPECT_TRUE(wb::detail::above_roof({1, 10000, true}, 1.0, {100.0, 1000.0, 8000.0}));
  EXPECT_FALSE(wb::detail::above_roof({1e9, 1e9}, 1.0, {}));  // nothing known, nothing refused
  EXPECT_TRUE(wb::detail::above_roof({100, 10}, 0.0, roofs));
}

TEST(Roof, FractionIsOfTheRoofThatBinds) {
  const Roofs roofs{100.0, 1000.0};
  EXPECT_DOUBLE_EQ(wb::detail::fraction_of_roof({50, 10}, 1.0, roofs).value(), 0.5);
  EXPECT_DOUBLE_EQ(wb::detail::fraction_of_roof({50, 900}, 1.0, roofs).value(), 0.9);
  EXPECT_FALSE(wb::detail::fraction_of_roof({50, 900}, 1.0, {}).has_value());
  EXPECT_DOUBLE_EQ(wb::detail::fraction_of_roof({50, 7200, true}, 1.0, {100.0, 1000.0, 8000.0}).value(), 0.9);
  EXPECT_FALSE(wb::detail::fraction_of_roof({50, 900, true}, 1.0, roofs).has_value());
}

TEST(Timing, TakesQuartiles) {
  const auto timing = wb::detail::summarize({5, 1, 3, 2, 4});
  EXPECT_DOUBLE_EQ(timing.median, 3);
  EXPECT_DOUBLE_EQ(timing.lower_quartile, 2);
  EXPECT_DOUBLE_EQ(timing.upper_quartile, 4);
  EXPECT_DOUBLE_EQ(timing.minimum, 1);
  EXPECT_DOUBLE_EQ(timing.maximum, 5);
  EXPECT_DOUBLE_EQ(wb::detail::summarize({1, 2}).median, 1.5);
}

TEST(BufferSets, ExceedTheCacheThreeTimes) {
  EXPECT_EQ(wb::detail::buffer_sets(1 << 20, 50 << 20), 150U);
  EXPECT_EQ(wb::detail::buffer_sets(std::size_t{1} << 30, 50 << 20), 1U);
  EXPECT_EQ(wb::detail::buffer_sets(0, 50 << 20), 1U);
}

TEST(Baseline, ComesFirstAndIsChosenByName) {
  EXPECT_EQ(wb::detail::choose_baseline({"a", "library", "solution"}, ""), "library");
  EXPECT_EQ(wb::detail::choose_baseline({"a", "library", "solution"}, "a"), "a");
  EXPECT_EQ(wb::detail::choose_baseline({"a", "b"}, "none"), "a");
  const auto cases = wb::detail::arrange({make_case("a", whole), make_case("solution", whole)}, "");
  EXPECT_EQ(cases[0].implementation, "solution");
  EXPECT_EQ(cases[1].implementation, "a");
  EXPECT_EQ(cases[1].baseline, "solution");
}

TEST(Table, QuotesOnlyRatiosOnTheCpu) {
  wb::detail::Measurement base, other;
  base.which = make_case("solution", whole);
  base.which.baseline = "solution";
  base.timing = wb::detail::summarize({2e-3});
  other.which = make_case("fast", whole);
  other.which.baseline = "solution";
  other.timing = wb::detail::summarize({1e-3});
  wb::detail::BenchmarkTable table({}, true);
  testing::internal::CaptureStdout();
  table.add(base);
  table.add(other);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_NE(text.find("2.00x"), std::string::npos) << text;
  EXPECT_EQ(text.find("GB/s"), std::string::npos) << text;
  const nlohmann::json body = table.results("bench");
  EXPECT_DOUBLE_EQ(body["rows"][1]["speedup"], 2.0);
  EXPECT_TRUE(body["rows"][1]["bytes_per_second"].is_null());
  EXPECT_TRUE(body["rows"][1]["fraction_of_roof"].is_null());
  EXPECT_TRUE(table.all_ok());
}

TEST(Table, QuotesNoRatioThatDrownsInItsSpread) {
  wb::detail::Measurement base, other;
  base.which = make_case("solution", whole);
  base.which.baseline = "solution";
  base.timing = wb::detail::summarize({1.9e-3, 2e-3, 2.1e-3});
  other.which = make_case("noisy", whole);
  other.which.baseline = "solution";
  other.timing = wb::detail::summarize({1e-3, 3.4e-3, 6e-3});
  wb::detail::BenchmarkTable table({}, true);
  testing::internal::CaptureStdout();
  table.add(base);
  table.add(other);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_NE(text.find("1.00x  baseline"), std::string::npos) << text;
  EXPECT_NE(text.find("no difference measured"), std::string::npos) << text;
  EXPECT_EQ(text.find("0.59x"), std::string::npos) << text;
  EXPECT_NEAR(table.results("bench")["rows"][1]["speedup"].get<double>(), 0.588, 1e-3);
  EXPECT_FALSE(wb::detail::differs(base.timing, base.timing));
  EXPECT_TRUE(wb::detail::differs(base.timing, wb::detail::summarize({0.99e-3, 1e-3, 1.01e-3})));
}

TEST(Table, NamesWhyARowWasSkipped) {
  wb::detail::Measurement row;
  row.which = make_case("naive", whole);
  row.outcome = wb::detail::Outcome::kSkipped;
  row.message = "too slow at this size";
  wb::detail::BenchmarkTable table({}, true);
  testing::internal::CaptureStdout();
  table.add(row);
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_NE(text.find("skipped: too slow at this size"), std::string::npos) << text;
  const nlohmann::json body = table.results("bench");
  EXPECT_EQ(body["rows"][0]["outcome"], "skipped");
  EXPECT_FALSE(body["rows"][0].contains("seconds"));
  EXPECT_TRUE(table.all_ok());
}

}  // namespace
