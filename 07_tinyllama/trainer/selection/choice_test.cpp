// What follows from measurements: pure functions.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/selection/report.h"
#include "07_tinyllama/trainer/selection/table.h"

namespace wb {
namespace {

Measured timed(const std::string& name, std::vector<double> seconds) {
  return {name, Verdict::kCorrect, "", 1e-7, std::move(seconds)};
}

Measured bad(const std::string& name, Verdict verdict, double seconds) {
  return {name, verdict, "because", 1.0, {seconds}};
}

std::vector<Measured> mixed() {
  return {bad("a_wrong", Verdict::kWrong, 1e-6),
          bad("b_refuses", Verdict::kUnsupported, 1e-6),
          bad("c_failed", Verdict::kFailed, 1e-6),
          bad("d_crashed", Verdict::kCrashed, 1e-6),
          bad("e_hung", Verdict::kHung, 1e-6),
          timed("naive", {2e-3}),
          timed("solution", {1e-3}),
          timed("vectorized", {5e-4})};
}

TEST(KernelChoice, TakesTheFastestThatIsCorrect) {
  EXPECT_EQ(fastest_correct(mixed()), "vectorized");
}

TEST(KernelChoice, DoesNotDependOnTheOrderOfMeasuring) {
  std::vector<Measured> measured = mixed();
  std::sort(measured.begin(), measured.end(),
            [](const Measured& x, const Measured& y) { return x.implementation < y.implementation; });
  do {
    std::rotate(measured.begin(), measured.begin() + 1, measured.end());
    EXPECT_EQ(fastest_correct(measured), "vectorized");
  } while (measured.front().implementation != "a_wrong");
}

TEST(KernelChoice, GivesTheSolutionAPhotoFinish) {
  EXPECT_EQ(fastest_correct({timed("library", {1e-3}), timed("solution", {1e-3})}), "solution");
  EXPECT_EQ(fastest_correct({timed("solution", {1e-3}), timed("vectorized", {1e-3})}), "solution");
  EXPECT_EQ(fastest_correct({timed("library", {1e-3}), timed("naive", {1e-3})}), "library");
}

TEST(KernelChoice, AddsForwardAndBackward) {
  EXPECT_EQ(fastest_correct({timed("fast_forward", {1e-4, 9e-3}), timed("solution", {1e-3, 2e-3})}),
            "solution");
}

TEST(KernelChoice, BelievesNoTimeThatIsNone) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(fastest_correct({timed("a", {0.0}), timed("b", {NAN}), timed("c", {infinity}), timed("d", {-1.0}),
                             timed("e", {}), timed("solution", {1e-3})}),
            "solution");
  EXPECT_EQ(fastest_correct({timed("b", {NAN})}), "");
  EXPECT_EQ(fastest_correct({}), "");
}

UnitReport mixed_report() {
  UnitReport report{.unit = "rmsnorm_backward",
                    .contracts = {"rmsnorm_backward"},
                    .requests = {"rmsnorm_backward"},
                    .shape = "N 1024, C 512",
                    .measured = mixed(),
                    .chosen = "vectorized"};
  report.measured[0].worst = std::numeric_limits<double>::infinity();
  return report;
}

TEST(KernelReport, ComesBackFromJson) {
  const auto back = nlohmann::json::parse(nlohmann::json(mixed_report()).dump()).get<UnitReport>();
  EXPECT_EQ(back.unit, "rmsnorm_backward");
  EXPECT_EQ(back.shape, "N 1024, C 512");
  ASSERT_EQ(back.measured.size(), mixed().size());
  EXPECT_EQ(back.measured[0].verdict, Verdict::kWrong);
  EXPECT_EQ(back.measured[0].message, "because");
  EXPECT_TRUE(std::isinf(back.measured[0].worst));
  EXPECT_EQ(back.measured[4].verdict, Verdict::kHung);
  EXPECT_EQ(back.measured[7].phase_seconds, std::vector<double>{5e-4});
  EXPECT_EQ(fastest_correct(back.measured), "vectorized");
}

TEST(KernelReport, BecomesARequest) {
  UnitReport attention{.unit = "attention",
                       .contracts = {"attention_forward", "attention_backward"},
                       .requests = {"attention"},
                       .shape = "",
                       .measured = {},
                       .chosen = "solution"};
  UnitReport none = attention;
  none.chosen = "";
  EXPECT_EQ(request_of({mixed_report(), none, attention}), "rmsnorm_backward=vectorized,attention=solution");
}

TEST(KernelTable, SaysWhoWasFastestWhoWasWrongAndWhoRefused) {
  const std::string text = table({mixed_report()});
  const auto before = [&](const char* first, const char* second) {
    EXPECT_LT(text.find(first), text.find(second)) << text;
    EXPECT_NE(text.find(second), std::string::npos) << text;
  };
  before("rmsnorm_backward  N 1024, C 512", "vectorized");
  before("vectorized", "500 us  fastest, taken");
  before("fastest, taken", "1 ms  2.00 times as long");
  before("4.00 times as long", "wrong: because");
  before("wrong: because", "does not support it: because");
}

}  // namespace
}  // namespace wb
