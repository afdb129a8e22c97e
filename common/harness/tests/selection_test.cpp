// The filter on implementations, the instantiation of tests, and the words of a failure.
#include "common/harness/selection.h"

#include <gtest/gtest.h>

#include "common/harness/implementation_test.h"
#include "common/harness/test_report.h"

namespace {

// A contract on the host: fills out with value.
struct Fill {
  static constexpr const char* kName = "fill";
  using Function = void(float value, float* out, int n, cudaStream_t stream);
};

void fill_loop(float value, float* out, int n, cudaStream_t) {
  for (int i = 0; i < n; ++i) out[i] = value;
}
void fill_algorithm(float value, float* out, int n, cudaStream_t) {
  std::fill(out, out + n, value);
}

WB_REGISTER(Fill, loop, fill_loop);
WB_REGISTER(Fill, algorithm, fill_algorithm);

struct Tuned {
  static constexpr const char* kName = "tuned";
  using Function = decltype(fill_loop);
};
struct Untuned : Tuned {};

WB_REGISTER(Tuned, library, fill_algorithm);
WB_REGISTER(Tuned, solution, fill_loop);
WB_REGISTER(Untuned, naive, fill_algorithm);
WB_REGISTER(Untuned, solution, fill_loop);

class FillTest : public wb::ImplementationTest<Fill> {};

TEST_P(FillTest, RunsEveryImplementation) {
  std::vector<float> out(33);
  run(2.5f, out.data(), 33, nullptr);
  EXPECT_TRUE(wb::matches(out, std::vector<double>(33, 2.5), {0, 0}));
}

WB_TEST_IMPLEMENTATIONS(FillTest, Fill);

class SelectionTest : public testing::Test {
 protected:
  void TearDown() override { wb::set_implementation_filter(saved_); }
  const std::string saved_ = wb::implementation_filter();
};

TEST_F(SelectionTest, TakesAllOrTheNamed) {
  wb::set_implementation_filter("");
  EXPECT_EQ(wb::selected_implementations<Fill>().size(), 2U);
  wb::set_implementation_filter("loop");
  ASSERT_EQ(wb::selected_implementations<Fill>().size(), 1U);
  EXPECT_EQ(wb::selected_implementations<Fill>()[0].name, "loop");
  wb::set_implementation_filter("algorithm,loop");
  EXPECT_EQ(wb::selected_implementations<Fill>().size(), 2U);
  wb::set_implementation_filter("loo");
  EXPECT_TRUE(wb::selected_implementations<Fill>().empty());
}

TEST_F(SelectionTest, PrefersTheLibrary) {
  EXPECT_EQ(wb::library_or_solution<Tuned>(), &fill_algorithm);
  EXPECT_EQ(wb::library_or_solution<Untuned>(), &fill_loop);
}

TEST_F(SelectionTest, RefusesAFilterThatMatchesNothing) {
  wb::set_implementation_filter("solutoin");
  EXPECT_THROW_MESSAGE(wb::require_selected_implementations(), wb::Error,
                       "no implementation is called 'solutoin'; this program has fill: algorithm, loop");
  wb::set_implementation_filter("loop,nope");
  EXPECT_THROW_MESSAGE(wb::require_selected_implementations(), wb::Error, "is called 'nope'");
  wb::set_implementation_filter("loop,");
  EXPECT_THROW_MESSAGE(wb::require_selected_implementations(), wb::Error, "is called ''");
  wb::set_implementation_filter("loop");
  EXPECT_NO_THROW(wb::require_selected_implementations());
}

TEST_F(SelectionTest, LetsABf16TwinBeMissing) {
  const auto none = [] { return std::vector<std::string>(); };
  wb::detail::add_declared_contract({"fill_bf16", none});
  wb::set_implementation_filter("");
  EXPECT_NO_THROW(wb::require_selected_implementations());
  EXPECT_EQ(wb::describe_selection(), "fill: algorithm, loop\n");
}

TEST_F(SelectionTest, LetsOtherContractsBeMissingWhereTheProgramIsAboutSome) {
  wb::detail::add_declared_contract({"drain", [] { return std::vector<std::string>(); }});
  wb::set_implementation_filter("");
  EXPECT_THROW_MESSAGE(wb::require_selected_implementations(), wb::Error, "drain: this program links no");
  wb::detail::restrict_to_contracts({"fill"});
  EXPECT_NO_THROW(wb::require_selected_implementations());
  EXPECT_EQ(wb::describe_selection(), "fill: algorithm, loop\n");
  wb::detail::restrict_to_contracts({"fill", "fil"});
  EXPECT_THROW_MESSAGE(wb::require_selected_implementations(), wb::Error,
                       "about fil, but its tests declare no");
  wb::detail::restrict_to_contracts({"fill"});  // for good: no declaration can be taken back
}

TEST(ReadableFailure, TakesTheWordsOutOfTheirWrapping) {
  const std::string message =
      "Value of: wb::matches(y.download(), oracle(x, {1, 2}), kTolerance)\n  Actual: false (3 of 9 elements "
      "are wrong\n"
      "  what:  zero)\nExpected: true\nsome words\nGoogle Test trace:\n/a/b_test.cpp:9: n = 9\n";
  EXPECT_EQ(wb::detail::readable_failure("/a/b_test.cpp", 12, message),
            "b_test.cpp:12, n = 9\ny: 3 of 9 elements are wrong\n  what:  zero\nsome words");
}

TEST(ReadableFailure, NamesTheArrayThatIsAskedWhetherItMatches) {
  const std::string message =
      "Value of: p.out.matches(oracle.out, tolerance)\n  Actual: false (1 of 2 elements is wrong)\nExpected: "
      "true";
  EXPECT_EQ(wb::detail::readable_failure("b_test.cpp", 3, message),
            "b_test.cpp:3\nout: 1 of 2 elements is wrong");
}

TEST(ReadableFailure, NamesTheArrayAsTheLessonDoes) {
  const auto failure = [](const std::string& call, const std::string& words) {
    return wb::detail::readable_failure(
        "", 0, "Value of: " + call + "\n  Actual: false (1 is wrong)\nExpected: true" + words);
  };
  EXPECT_EQ(failure("matches(got.lse, want.lse, {1, 2})", "\nthe log-sum-exp"),
            "lse, the log-sum-exp: 1 is wrong");
  EXPECT_EQ(failure("matches(attend(c, in).out, o)", "\nout\nlooks like: q"),
            "out: 1 is wrong\nlooks like: q");
  EXPECT_EQ(failure("wb::matches(wb::to_float(y.download()), o)", "\nlooks like: q\ny"),
            "y: 1 is wrong\nlooks like: q");
  EXPECT_EQ(failure("wb::matches(values(), o)", "\nq\n"), "q: 1 is wrong");
  EXPECT_EQ(failure("matches(std::vector<float>(x.begin(), x.end()), o)", ""), "1 is wrong");
}

TEST(ReadableFailure, PrefersWordsToTheConditionThatTheyExplain) {
  const std::string condition = "Value of: loss <= 7\n  Actual: false\nExpected: true";
  EXPECT_EQ(wb::detail::readable_failure("b_test.cpp", 3, condition + "\nthe loss is 9"),
            "b_test.cpp:3\nthe loss is 9");
  EXPECT_EQ(wb::detail::readable_failure("b_test.cpp", 3, condition), "b_test.cpp:3\n" + condition);
}

TEST(ReadableFailure, LeavesOtherMessagesAlone) {
  const std::string message = "Expected equality of these values:\n  a\n  b";
  EXPECT_EQ(wb::detail::readable_failure("x.cpp", 3, message), "x.cpp:3\n" + message);
  EXPECT_EQ(wb::detail::readable_failure("", -1, "no location"), "no location");
}

TEST(ReadableFailure, ExplainsExceptionsAndCudaErrors) {
  EXPECT_EQ(wb::detail::readable_failure(
                "", -1, "C++ exception with description \"x: needs n\" thrown in the test body."),
            "x: needs n");
  const std::string text = wb::detail::readable_failure(
      "t.cpp", 5,
      "Expected: run() doesn't throw an exception.\n  Actual: it throws wb::CudaError with description "
      "\"a.cu:9: cudaGetLastError() failed: cudaErrorInvalidConfiguration (invalid)\".");
  EXPECT_EQ(text.find("t.cpp:5\na.cu:9: "), 0U) << text;
  EXPECT_NE(text.find("what:  an empty grid"), std::string::npos) << text;
}

}  // namespace
