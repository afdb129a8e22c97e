// Checking and timing, here and in a process that may crash: with implementations planted to be caught.
#include <gtest/gtest.h>

#include <cstdlib>

#include "07_tinyllama/trainer/pass_graph.h"
#include "07_tinyllama/trainer/selection/measure.h"
#include "07_tinyllama/trainer/selection/products.h"
#include "07_tinyllama/trainer/selection/supervisor.h"
#include "07_tinyllama/trainer/selection/table.h"
#include "07_tinyllama/trainer/selection/testing/tiny.h"
#include "07_tinyllama/trainer/trainer.h"
#include "common/core/implementations.h"

namespace wb {
namespace {

using std::chrono::seconds;

UnitReport measure_vector_add(const char* planted, std::chrono::milliseconds limit = seconds(60)) {
  setenv("WB_PLANTED", planted, 1);
  Supervisor supervisor(test_worker(), limit);
  const Setting setting = tiny_setting();
  const std::size_t index = unit_index(units_of(setting, "solution"), "vector_add");
  const UnitReport report = supervisor.measure(setting, index, "solution", quick());
  unsetenv("WB_PLANTED");
  return report;
}

void expect(const UnitReport& report, const std::string& name, Verdict verdict, const std::string& words) {
  const Measured& result = result_of(report, name);
  EXPECT_EQ(name_of(result.verdict), name_of(verdict)) << name << ": " << result.message;
  EXPECT_NE(result.message.find(words), std::string::npos) << name << ": " << result.message;
}

TEST(Measuring, CatchesWhatIsWrongAndNeverTakesIt) {
  const UnitReport report = measure_vector_add("");
  expect(report, "planted_wrong", Verdict::kWrong, "576 of 576 elements of out are wrong");
  expect(report, "planted_idle", Verdict::kWrong, "out: 576 of 576 elements were not written");
  expect(report, "planted_overruns", Verdict::kWrong, "it wrote past the end of out");
  expect(report, "planted_spoils_input", Verdict::kWrong, "it changed its input a");
  expect(report, "planted_drifts", Verdict::kWrong, "right at first, not after timing");
  expect(report, "planted_throws", Verdict::kFailed, "planted: out of ideas");
  expect(report, "planted_refuses", Verdict::kUnsupported, "needs n % 1000 == 999, but n = 576");
  // Those that come after a spoiled input are judged by the input as it was.
  expect(report, "planted_slow", Verdict::kCorrect, "");
  expect(report, "solution", Verdict::kCorrect, "");
  EXPECT_TRUE(report.chosen == "solution" || report.chosen == "vectorized") << table({report});
  EXPECT_GT(result_of(report, "planted_slow").seconds(), result_of(report, report.chosen).seconds());
  EXPECT_NE(table({report}).find("does not support it: refuses: needs n % 1000 == 999"), std::string::npos);
}

// Launched one by one, what waits is only slow; a run that launches graphs cannot use it.
TEST(Measuring, TimesCallsInAGraphWhereTheRunLaunchesGraphs) {
  Setting setting = tiny_setting();
  setting.graph = true;
  const std::size_t index = unit_index(units_of(setting, "solution"), "vector_add");
  Supervisor supervisor(test_worker(), seconds(60));
  const UnitReport report = supervisor.measure(setting, index, "solution", quick());
  if (PassGraph::supported()) {
    expect(report, "planted_waits", Verdict::kFailed, "cudaStreamSynchronize");
  } else {
    expect(report, "planted_waits", Verdict::kCorrect, "");
  }
  expect(report, "solution", Verdict::kCorrect, "");
  EXPECT_GT(result_of(report, "planted_slow").seconds(), result_of(report, report.chosen).seconds());
  setting.graph = false;
  expect(supervisor.measure(setting, index, "solution", quick()), "planted_waits", Verdict::kCorrect, "");
}

TEST(Measuring, GivesUpWhatIsFarTooSlow) {
  const Setting setting = tiny_setting();
  const std::vector<Unit> units = units_of(setting, "library");
  MeasureOptions hasty = quick();
  hasty.hopeless = hasty.give_up = 1e-9;  // nobody is that fast, the fastest itself included
  const UnitReport none = measure_unit(units[unit_index(units, "matmul")], {}, hasty);
  expect(none, "solution", Verdict::kSlow, "not measured further");
  EXPECT_EQ(none.chosen, "");
  hasty.hopeless = 1.5;
  hasty.give_up = 1e9;  // fewer looks, but a time all the same
  const UnitReport all = measure_unit(units[unit_index(units, "matmul")], {}, hasty);
  expect(all, "naive", Verdict::kCorrect, "");
  EXPECT_GT(result_of(all, "naive").seconds(), 0.0);
}

TEST(Measuring, SurvivesACrash) {
  const UnitReport report = measure_vector_add("crashes");
  expect(report, "planted_crashes", Verdict::kCrashed, "signal 6");
  expect(report, "planted_hangs", Verdict::kCorrect, "");
  EXPECT_TRUE(report.chosen == "solution" || report.chosen == "vectorized") << table({report});
}

TEST(Measuring, SurvivesAnErrorOfTheDevice) {
  const UnitReport report = measure_vector_add("faults");
  expect(report, "planted_faults", Verdict::kFailed, "cudaErrorIllegalAddress");
  expect(report, "planted_slow", Verdict::kCorrect, "");
  EXPECT_TRUE(report.chosen == "solution" || report.chosen == "vectorized") << table({report});
}

TEST(Measuring, EndsWhatHangs) {
  const UnitReport report = measure_vector_add("hangs", seconds(4));
  expect(report, "planted_hangs", Verdict::kHung, "no end after 4 s");
  expect(report, "planted_crashes", Verdict::kCorrect, "");
  EXPECT_TRUE(report.chosen == "solution" || report.chosen == "vectorized") << table({report});
}

TEST(Measuring, SaysWhenTheWorkerCannotWork) {
  Supervisor nothing("/no/such/program", seconds(5));
  EXPECT_THROW(nothing.measure(tiny_setting(), 0, "solution", quick()), Error);
  Supervisor another("/bin/true", seconds(5));
  EXPECT_THROW(another.measure(tiny_setting(), 0, "solution", quick()), Error);
}

// Every unit of every precision and layout: each implementation of the workbook is right, and each unit has
// one.
TEST(Measuring, FindsEveryImplementationOfTheWorkbookRight) {
  for (const Precision precision : {Precision::kFp32, Precision::kTf32, Precision::kBf16}) {
    for (const KvLayout layout : {KvLayout::kContiguous, KvLayout::kStridedView}) {
      Setting setting = tiny_setting();
      setting.precision = precision;
      setting.kv_layout = layout;
      for (const Unit& unit : units_of(setting, "library")) {
        std::vector<Measured> planted;
        for (const std::string& name : names_of(unit)) {
          if (name.starts_with("planted_") || name == "starter")
            planted.push_back({name, Verdict::kWrong, "planted", 0.0, {}});
        }
        MeasureOptions once = quick();
        once.rounds = 1;
        const UnitReport report = measure_unit(unit, planted, once);
        SCOPED_TRACE(table({report}));
        EXPECT_NE(report.chosen, "") << unit.name;
        for (const Measured& one : report.measured) {
          if (one.implementation.starts_with("planted_") || one.implementation == "starter") continue;
          const bool may_differ = precision == Precision::kBf16 && unit.name == "attention" &&
                                  adds_in_any_order(one.implementation);
          EXPECT_EQ(name_of(one.verdict), name_of(may_differ ? Verdict::kUnsupported : Verdict::kCorrect))
              << unit.name << " " << one.implementation;
        }
      }
    }
  }
}

// A run gives the same bits again, unless its user asks for an attention that does not.
TEST(Measuring, LeavesOutWhatAddsInAnyOrder) {
  Setting setting = tiny_setting();
  setting.precision = Precision::kBf16;
  const std::vector<Unit> units = units_of(setting, "library");
  const UnitReport report = measure_unit(units[unit_index(units, "attention")], {}, quick());
  expect(report, "planted_any_order", Verdict::kUnsupported,
         "two runs would differ; --kernels auto,attention=planted_any_order");
  expect(report, report.chosen, Verdict::kCorrect, "");
  EXPECT_FALSE(adds_in_any_order(report.chosen));
}

std::vector<ProductShape>* g_called = nullptr;

void counting_product(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                      float alpha, float beta, cudaStream_t stream) {
  // The gradient of an input may be added to as well: three projections share theirs.
  const bool of_weight = beta == 1.0f && m != tiny_setting().config.tokens();
  ProductShape shape{layout, m, n, k, of_weight, 1.0};
  bool known = false;
  for (ProductShape& other : *g_called) {
    if (!other.same_shape(shape)) continue;
    other.calls += 1.0;
    known = true;
  }
  if (!known) g_called->push_back(shape);
  find_implementation<Matmul>("library").function(layout, a, b, c, m, n, k, alpha, beta, stream);
}

TEST(Products, AreThoseOfARealStep) {
  for (const KvLayout layout : {KvLayout::kContiguous, KvLayout::kStridedView}) {
    SCOPED_TRACE(name_of(layout));
    const ModelConfig config = tiny_setting().config;
    std::vector<ProductShape> called;
    g_called = &called;
    TrainerOptions options;
    options.config = config;
    options.kernels = select_kernels("auto");
    options.kernels.matmul = counting_product;
    options.kv_layout = layout;
    options.max_steps = 1;
    Trainer trainer(options, Data::random(config, 1));
    trainer.step();
    trainer.synchronize();
    const std::vector<ProductShape> expected = products_of_step(config, layout);
    double calls = 0.0, expected_calls = 0.0;
    for (const ProductShape& shape : called) {
      calls += shape.calls;
      double found = 0.0;
      for (const ProductShape& other : expected) found += other.same_shape(shape) ? other.calls : 0.0;
      EXPECT_EQ(shape.calls, found) << shape.m << " x " << shape.n << " x " << shape.k;
    }
    for (const ProductShape& shape : expected) expected_calls += shape.calls;
    EXPECT_EQ(calls, expected_calls);
  }
}

}  // namespace
}  // namespace wb
