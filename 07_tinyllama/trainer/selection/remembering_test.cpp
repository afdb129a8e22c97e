// What is remembered, and what a forced kernel has to prove.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "07_tinyllama/trainer/selection/cache.h"
#include "07_tinyllama/trainer/selection/testing/tiny.h"

namespace wb {
namespace {

class Remembering : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / ("wb_kernels_" + std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SelectionOptions options() const {
    return {.folder = folder_, .worker = test_worker(), .measure = quick()};
  }
  Selection select(bool remeasure = false, const Setting& setting = tiny_setting()) {
    said_.clear();
    SelectionOptions how = options();
    how.remeasure = remeasure;
    return select_by_measurement(setting, how, [this](const std::string& line) { said_ += line + "\n"; });
  }
  std::filesystem::path only_file() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) files.push_back(entry.path());
    EXPECT_EQ(files.size(), 1u);
    return files.front();
  }
  static std::string content(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
  std::string said_;
};

TEST_F(Remembering, MeasuresOnceAndRecallsTheSame) {
  const Selection measured = select();
  EXPECT_FALSE(measured.remembered);
  EXPECT_EQ(measured.request.find("planted"), std::string::npos) << measured.request;
  const Selection recalled = select();
  EXPECT_TRUE(recalled.remembered) << said_;
  EXPECT_EQ(recalled.request, measured.request);
  ASSERT_EQ(recalled.units.size(), measured.units.size());
  for (std::size_t i = 0; i < measured.units.size(); ++i) {
    EXPECT_EQ(nlohmann::json(recalled.units[i]), nlohmann::json(measured.units[i]));
  }
  // Another shape or another precision is another measurement; the rotation's base is not.
  Setting longer = tiny_setting();
  longer.config.t = 10;
  EXPECT_FALSE(select(false, longer).remembered);
  Setting based = tiny_setting();
  based.config.rope_base = 500000.0;
  EXPECT_TRUE(select(false, based).remembered);
  // And so is remeasuring.
  EXPECT_FALSE(select(true).remembered);
}

TEST_F(Remembering, MeasuresAgainWhatItCannotRead) {
  select();
  const std::filesystem::path file = only_file();
  const std::string whole = content(file);
  nlohmann::json foreign = nlohmann::json::parse(whole);
  foreign["body"]["key"]["program"] = "0000000000000000";
  nlohmann::json later = nlohmann::json::parse(whole);
  later["schema_version"] = 999;
  nlohmann::json timeless = nlohmann::json::parse(whole);
  timeless["body"]["units"][0]["measured"][0]["phase_seconds"] = {nullptr};
  for (const std::string& damaged :
       {whole.substr(0, whole.size() / 2), std::string(), std::string("\x00\xff", 2), foreign.dump(),
        later.dump(), timeless.dump()}) {
    std::ofstream(file, std::ios::trunc) << damaged;
    const Selection again = select();
    EXPECT_FALSE(again.remembered);
    EXPECT_NE(said_.find("cannot be used"), std::string::npos) << said_;
    EXPECT_EQ(std::count(said_.begin(), said_.end(), '\n'), 2) << said_;  // the remark, and what it does
    EXPECT_TRUE(select().remembered) << "rewritten, so it serves the next time";
  }
}

TEST_F(Remembering, GoesOnWithoutAFolderToWriteIn) {
  std::ofstream(folder_.string()) << "a file where the folder should be";
  const Selection selection = select();
  EXPECT_FALSE(selection.request.empty());
  EXPECT_NE(said_.find("is not remembered"), std::string::npos) << said_;
}

class Forcing : public Remembering {
 protected:
  KernelPlan plan(const std::vector<std::string>& forced, bool strict = false,
                  const std::string& kernels = "fixed") {
    said_.clear();
    return plan_kernels(tiny_setting(),
                        {.kernels = kernels, .forced = forced, .strict = strict, .selection = options()},
                        [this](const std::string& line) { said_ += line + "\n"; });
  }
  static std::string chosen(const KernelPlan& plan, const std::string& contract) {
    for (const KernelChoice& choice : plan.kernels.choices) {
      if (choice.contract == contract) return choice.implementation;
    }
    return "none";
  }
};

TEST_F(Forcing, TakesWhatHoldsParity) {
  const KernelPlan taken = plan({"rmsnorm=unfused", "swiglu=naive"});
  ASSERT_EQ(taken.forced.size(), 2u);
  EXPECT_TRUE(taken.forced[0].taken) << said_;
  EXPECT_TRUE(taken.forced[1].taken) << said_;
  EXPECT_EQ(taken.forced[0].parity.steps.size(), 3u);
  EXPECT_EQ(chosen(taken, "rmsnorm_backward"), "unfused");
  EXPECT_EQ(chosen(taken, "swiglu_forward"), "naive");
  EXPECT_EQ(chosen(taken, "matmul"), "library");
  EXPECT_NE(said_.find("step 3: loss"), std::string::npos) << said_;
}

TEST_F(Forcing, FallsBackFromWhatIsWrong) {
  const KernelPlan fell = plan({"rmsnorm_backward=planted_one_percent", "vector_add=planted_refuses",
                                "vector_add=planted_throws", "rmsnorm_forward=unfused"});
  EXPECT_FALSE(fell.forced[0].taken);
  EXPECT_EQ(chosen(fell, "rmsnorm_backward"), "solution");
  EXPECT_EQ(chosen(fell, "rmsnorm_forward"), "unfused");
  EXPECT_EQ(chosen(fell, "vector_add"), "solution");
  EXPECT_NE(said_.find("dweight"), std::string::npos) << said_;
  EXPECT_NE(said_.find("training with rmsnorm_backward=solution instead"), std::string::npos) << said_;
  EXPECT_NE(said_.find("needs n % 1000 == 999"), std::string::npos) << said_;
  EXPECT_NE(said_.find("planted: out of ideas"), std::string::npos) << said_;
}

TEST_F(Forcing, LetsAStarterProveItselfHoweverItIsAskedFor) {
  for (const char* kernels :
       {"fixed,vector_add=starter", "vector_add=starter", "starter", "solution,starter"}) {
    const KernelPlan fell = plan({}, false, kernels);
    ASSERT_EQ(fell.forced.size(), 1u) << kernels;
    EXPECT_FALSE(fell.forced[0].taken) << kernels;
    EXPECT_EQ(chosen(fell, "vector_add"), "solution") << kernels;
    EXPECT_NE(said_.find("elements of out are wrong"), std::string::npos) << said_;
  }
}

TEST_F(Forcing, StopsWhenToldTo) {
  EXPECT_THROW(plan({"rmsnorm_backward=planted_one_percent"}, true), Error);
  EXPECT_THROW(plan({"rmsnorm"}), Error);
  EXPECT_THROW(plan({"rmsnorm=nobody"}), Error);
  EXPECT_THROW(plan({"nothing=solution"}), Error);
}

TEST(LossParity, NamesTheTensorThatIsOnePercentOff) {
  const ParityOptions options = parity_options(Precision::kFp32);
  const Parity parity = check_parity(tiny_setting(), "rmsnorm_backward=planted_one_percent", "auto", options);
  EXPECT_NE(parity.failure.find("norm.weight"), std::string::npos) << parity.failure;
  EXPECT_NE(parity.failure.find("is off by 0.01"), std::string::npos) << parity.failure;
  ASSERT_EQ(parity.steps.size(), 1u);
  EXPECT_NEAR(parity.steps[0].worst_gradient, 0.01, 1e-4);
}

TEST(LossParity, FailsOnNotANumber) {
  const Parity parity = check_parity(tiny_setting(), "rmsnorm_backward=planted_not_a_number", "auto",
                                     parity_options(Precision::kFp32));
  EXPECT_NE(parity.failure, "");
}

TEST(LossParity, HoldsOfTheWorkbooksOwnKernels) {
  for (const char* request :
       {"rmsnorm=unfused", "attention=materialized", "matmul=solution", "repeat_kv=tiled"}) {
    const Parity parity = check_parity(tiny_setting(), request, "auto", parity_options(Precision::kFp32));
    EXPECT_EQ(parity.failure, "") << request;
    EXPECT_EQ(parity.steps.size(), 3u);
  }
}

}  // namespace
}  // namespace wb
