// A kernel launched n times appears n times, under its name, with times that make sense.
#include "common/profiler/profiler.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/core/device_buffer.h"
#include "common/core/error.h"
#include "common/harness/implementation_test.h"
#include "common/profiler/profiler_test_kernels.h"

namespace wb {
namespace {

constexpr int kElements = 1000;

std::int64_t calls(const std::vector<KernelTotal>& totals, std::string_view name) {
  for (const KernelTotal& total : totals) {
    if (total.name == name) return total.calls;
  }
  return 0;
}

class ProfilerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Profiler::unavailable().empty()) GTEST_SKIP() << Profiler::unavailable();
    x_ = DeviceBuffer<float>(std::vector<float>(kElements, 1.0f));
  }

  DeviceBuffer<float> x_;
};

TEST_F(ProfilerTest, CountsEachLaunch) {
  Profiler profiler;
  profiler.start();
  for (int i = 0; i < 7; ++i) profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);
  for (int i = 0; i < 3; ++i) profiler_test::launch_profiled_scale(x_.data(), kElements, 1, nullptr);
  const auto records = profiler.stop();
  ASSERT_EQ(records.size(), 10u);
  const auto totals = kernel_totals(records);
  EXPECT_EQ(calls(totals, "profiled_add"), 7);
  EXPECT_EQ(calls(totals, "profiled_scale<2>"), 3);
  EXPECT_EQ(x_.download().back(), 8.0f * 8.0f);
}

TEST_F(ProfilerTest, RecordsAreInOrderAndDoNotOverlapOnOneStream) {
  Profiler profiler;
  profiler.start();
  for (int i = 0; i < 5; ++i) profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);
  const auto records = profiler.stop();
  ASSERT_EQ(records.size(), 5u);
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_LT(records[i].start_ns, records[i].end_ns);
    if (i > 0) {
      EXPECT_GE(records[i].start_ns, records[i - 1].end_ns);
    }
  }
}

TEST_F(ProfilerTest, MoreWorkTakesLonger) {
  Profiler profiler;
  profiler.start();
  profiler_test::launch_profiled_scale(x_.data(), kElements, 1, nullptr);
  profiler_test::launch_profiled_scale(x_.data(), kElements, 200000, nullptr);
  const auto records = profiler.stop();
  ASSERT_EQ(records.size(), 2u);
  EXPECT_GT(records[1].end_ns - records[1].start_ns, 2 * (records[0].end_ns - records[0].start_ns));
}

TEST_F(ProfilerTest, SeesOnlyWhatRanWhileItRecorded) {
  profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);
  Profiler profiler;
  profiler.start();
  EXPECT_TRUE(profiler.stop().empty());
  profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);
  profiler.start();
  profiler_test::launch_profiled_scale(x_.data(), kElements, 1, nullptr);
  const auto records = profiler.stop();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].name, "profiled_scale<2>");
}

TEST_F(ProfilerTest, SaysHowItWasMisused) {
  Profiler first;
  EXPECT_THROW_MESSAGE(first.stop(), Error, "start() was not called");
  first.start();
  Profiler second;
  EXPECT_THROW_MESSAGE(second.start(), Error, "another profiler is recording");
  EXPECT_TRUE(first.stop().empty());
}

TEST(KernelTotals, AddUp) {
  const std::vector<KernelRecord> records = {
      {"a", 0, 1'000'000}, {"b", 1'000'000, 7'000'000}, {"a", 7'000'000, 10'000'000}};
  const auto totals = kernel_totals(records);
  ASSERT_EQ(totals.size(), 2u);
  EXPECT_EQ(totals[0].name, "b");
  EXPECT_EQ(totals[1].calls, 2);
  EXPECT_DOUBLE_EQ(totals[1].total_ms, 4.0);
  EXPECT_DOUBLE_EQ(totals[1].mean_us, 2000.0);
  EXPECT_DOUBLE_EQ(totals[1].percent, 40.0);
  EXPECT_DOUBLE_EQ(kernel_ms(records, std::regex("^a$")), 4.0);
  EXPECT_TRUE(kernel_totals({}).empty());
}

TEST(ProfileCsv, QuotesNamesWithCommas) {
  const auto path = std::filesystem::temp_directory_path() / "wb_profile_csv_test.csv";
  write_profile_csv(path, {{"tile<16, 8>", 2, 4.0, 2000.0, 80.0}, {"copy", 1, 1.0, 1000.0, 20.0}});
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(),
            "kernel,calls,total_ms,mean_us,percent\n"
            "\"tile<16, 8>\",2,4.000000,2000.000,80.00\n"
            "copy,1,1.000000,1000.000,20.00\n");
  std::filesystem::remove(path);
  EXPECT_THROW_MESSAGE(write_profile_csv("/nonexistent/folder/profile.csv", {}), Error,
                       "/nonexistent/folder");
}

TEST(KernelName, IsShort) {
  EXPECT_EQ(short_kernel_name("vector_add_kernel"), "vector_add_kernel");
  EXPECT_EQ(short_kernel_name("_ZN2wb12_GLOBAL__N_117vector_add_kernelEPKfS2_Pfl"), "vector_add_kernel");
  EXPECT_EQ(
      short_kernel_name("void wb::(anonymous namespace)::tile_kernel<(int)16, (bool)1>(float const*, int)"),
      "tile_kernel<16, 1>");
  EXPECT_EQ(short_kernel_name("void wb::tile<(wb::MatmulLayout)2, true>(float const*)"), "tile<2, true>");
  EXPECT_EQ(short_kernel_name("OpenBLAS sgemm"), "OpenBLAS sgemm");
  EXPECT_EQ(short_kernel_name("void cutlass::Kernel2<" + std::string(90, 'x') + ">(int)"), "Kernel2");
}

}  // namespace
}  // namespace wb
