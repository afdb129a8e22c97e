// A trace's file is valid JSON in which every launch, copy, fill and range stands once, nested and in order.
#include "common/profiler/trace.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/error.h"
#include "common/core/trace.h"
#include "common/harness/implementation_test.h"
#include "common/profiler/profiler.h"
#include "common/profiler/profiler_test_kernels.h"
#include "common/profiler/trace_window.h"

namespace wb {
namespace {

using nlohmann::json;

constexpr int kElements = 1000;

class TraceTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!Trace::unavailable().empty()) GTEST_SKIP() << Trace::unavailable();
    path_ = std::filesystem::temp_directory_path() / fmt::format("wb_trace_test_{}.json", getpid());
    x_ = DeviceBuffer<float>(std::vector<float>(kElements, 1.0f));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  // A step of two phases: 3 launches and a fill, then 2 launches; a copy at the end, which waits.
  void step(int index) {
    TraceRange range("step", index);
    {
      TraceRange phase("forward");
      for (int i = 0; i < 3; ++i) profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);
      x_.fill_bytes(0);
    }
    {
      TraceRange phase("backward");
      TraceRange layer("layer", 0);
      profiler_test::launch_profiled_scale(x_.data(), kElements, 3, nullptr);
      layer.next("layer", 1);
      profiler_test::launch_profiled_scale(x_.data(), kElements, 3, nullptr);
    }
    x_.download();
  }

  json write_and_read(const Trace& trace) {
    trace.write(path_);
    std::ifstream file(path_);
    return json::parse(file);
  }

  std::filesystem::path path_;
  DeviceBuffer<float> x_;
};

std::vector<json> events(const json& trace, std::string_view category) {
  std::vector<json> result;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] == "X" && event["cat"] == category) result.push_back(event);
  }
  return result;
}

json named(const std::vector<json>& all, std::string_view name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const json& e) { return e["name"] == name; });
  return found == all.end() ? json() : *found;
}

double begin_of(const json& event) {
  return event["ts"];
}
double end_of(const json& event) {
  return event["ts"].get<double>() + event["dur"].get<double>();
}

// Slices of a track may contain one another and may follow one another; they may not cross.
void expect_nested(const json& trace) {
  constexpr double kRounding = 0.0015;  // microseconds: times are written to the nanosecond
  std::map<std::pair<int, std::int64_t>, std::vector<std::pair<double, double>>> tracks;
  for (const json& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    EXPECT_GE(event["dur"].get<double>(), 0.0) << event;
    EXPECT_GE(event["ts"].get<double>(), 0.0) << event;
    tracks[{event["pid"], event["tid"]}].emplace_back(begin_of(event), end_of(event));
  }
  for (auto& [track, slices] : tracks) {
    std::sort(slices.begin(), slices.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : a.second > b.second;
    });
    std::vector<double> open;
    for (const auto& [begin, end] : slices) {
      while (!open.empty() && open.back() <= begin + kRounding) open.pop_back();
      if (!open.empty()) {
        EXPECT_LE(end, open.back() + kRounding) << "a slice crosses another on track " << track.second;
      }
      open.push_back(end);
    }
  }
}

TEST_F(TraceTest, HoldsEveryLaunchCopyFillAndRange) {
  step(0);  // before recording
  Trace trace;
  trace.start();
  step(1);
  trace.stop();
  step(2);  // after
  const TraceCounts counts = trace.counts();
  EXPECT_EQ(counts.ranges, 5u);
  EXPECT_EQ(counts.kernels, 5u);
  EXPECT_EQ(counts.copies, 1u);
  EXPECT_EQ(counts.fills, 1u);
  EXPECT_EQ(counts.lost, 0u);
  EXPECT_EQ(describe(counts), "5 ranges, 5 kernels, 1 copy, 1 fill");

  const json file = write_and_read(trace);
  expect_nested(file);
  const auto ranges = events(file, "range"), kernels = events(file, "kernel");
  ASSERT_EQ(ranges.size(), 5u);
  ASSERT_EQ(kernels.size(), 5u);
  EXPECT_EQ(
      std::count_if(kernels.begin(), kernels.end(), [](auto& e) { return e["name"] == "profiled_add"; }), 3);
  const json step = named(ranges, "step 1"), last_layer = named(ranges, "layer 1");
  ASSERT_FALSE(step.is_null());
  ASSERT_FALSE(last_layer.is_null());
  for (const json& range : ranges) {
    EXPECT_GE(begin_of(range), begin_of(step));
    EXPECT_LE(end_of(range), end_of(step));
  }
  for (const json& kernel : kernels) {
    EXPECT_GT(kernel["dur"].get<double>(), 0.0);
    EXPECT_GE(begin_of(kernel), begin_of(step)) << "one clock for host and device";
    EXPECT_LE(end_of(kernel), end_of(step)) << "the step ends with a copy that waits";
    EXPECT_EQ(kernel["args"]["block"], (json{128, 1, 1}));
    EXPECT_EQ(kernel["args"]["grid"], (json{8, 1, 1}));
    EXPECT_EQ(kernel["args"]["shared memory, bytes"], 0);
  }
  EXPECT_EQ(kernels.back()["args"]["range"], "step 1 / backward / layer 1");
  EXPECT_EQ(kernels.front()["args"]["range"], "step 1 / forward");

  const auto copies = events(file, "copy"), fills = events(file, "fill");
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0]["args"]["direction"], "device to host");
  EXPECT_EQ(copies[0]["args"]["bytes"], 4 * kElements);
  ASSERT_EQ(fills.size(), 1u);
  EXPECT_EQ(fills[0]["args"]["bytes"], 4 * kElements);
}

TEST_F(TraceTest, ShowsTheRangesAsTheDeviceRanThem) {
  Trace trace;
  trace.start();
  step(0);
  trace.stop();
  const json file = write_and_read(trace);
  const auto ranges = events(file, "device range"), kernels = events(file, "kernel");
  ASSERT_EQ(ranges.size(), 5u);
  const json backward = named(ranges, "backward");
  ASSERT_FALSE(backward.is_null());
  EXPECT_EQ(begin_of(backward), begin_of(kernels[3]));
  EXPECT_NEAR(end_of(backward), end_of(kernels[4]), 1e-3);
}

TEST_F(TraceTest, AnArrowLeadsFromEachLaunchToItsKernel) {
  Trace trace;
  trace.start();
  step(0);
  trace.stop();
  const json file = write_and_read(trace);
  std::map<std::int64_t, double> from, to;
  for (const json& event : file["traceEvents"]) {
    if (event["ph"] == "s") from[event["id"]] = event["ts"];
    if (event["ph"] == "f") to[event["id"]] = event["ts"];
  }
  ASSERT_EQ(from.size(), 7u) << "5 kernels, a copy and a fill";
  ASSERT_EQ(to.size(), 7u);
  for (const auto& [id, time] : from) {
    ASSERT_TRUE(to.contains(id));
    EXPECT_LE(time, to[id]) << "a kernel starts after its launch";
  }
}

TEST_F(TraceTest, GoesOnWhereItStopped) {
  Trace trace;
  trace.start();
  step(0);
  trace.stop();
  trace.start();
  step(1);
  trace.stop();
  EXPECT_EQ(trace.counts().kernels, 10u);
  const json file = write_and_read(trace);
  expect_nested(file);
  EXPECT_FALSE(named(events(file, "range"), "step 0").is_null());
  for (const json& kernel : events(file, "kernel")) {
    const std::string range = kernel["args"]["range"];
    const json step = named(events(file, "range"), range.substr(0, 6));
    EXPECT_GE(begin_of(kernel), begin_of(step)) << kernel;
    EXPECT_LE(end_of(kernel), end_of(step)) << kernel;
  }
}

TEST_F(TraceTest, RangesThatReachBeyondTheRecordingDoNoHarm) {
  Trace trace;
  {
    TraceRange before("began before");
    trace.start();
    TraceRange inside("ends after");
    trace.stop();
  }
  { TraceRange after("after"); }
  ASSERT_EQ(trace.ranges().size(), 1u);
  EXPECT_EQ(trace.ranges()[0].name, "ends after");
  EXPECT_GE(trace.ranges()[0].end_ns, trace.ranges()[0].start_ns);
  trace.start();
  { TraceRange again("again"); }
  trace.stop();
  ASSERT_EQ(trace.ranges().size(), 2u);
  EXPECT_EQ(trace.ranges()[1].parent, -1);
}

TEST_F(TraceTest, ThreadsHaveTracksOfTheirOwn) {
  Trace trace;
  trace.start();
  {
    TraceRange here("here");
    std::thread([] { TraceRange there("there"); }).join();
  }
  trace.stop();
  const auto ranges = events(write_and_read(trace), "range");
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_NE(named(ranges, "here")["tid"], named(ranges, "there")["tid"]);
}

TEST_F(TraceTest, KeepsToItsRoomAndSaysWhatItLost) {
  Trace trace;
  trace.start();
  {
    TraceRange around("around");
    for (std::size_t i = 0; i < Trace::kMostEvents + 4; ++i) TraceRange range("range", static_cast<int>(i));
  }
  trace.stop();
  EXPECT_EQ(trace.counts().ranges, Trace::kMostEvents);
  EXPECT_EQ(trace.counts().lost, 5u);
  const json file = write_and_read(trace);
  EXPECT_EQ(file["otherData"]["lost_events"], 5);
  EXPECT_LT(std::filesystem::file_size(path_), 100'000'000u);
  expect_nested(file);
}

TEST_F(TraceTest, OneRecordsAtATime) {
  Trace trace;
  trace.start();
  Profiler profiler;
  EXPECT_THROW_MESSAGE(profiler.start(), Error, "another profiler is recording");
  Trace second;
  EXPECT_THROW_MESSAGE(second.start(), Error, "another profiler is recording");
  EXPECT_THROW_MESSAGE(second.stop(), Error, "start() was not called");
  trace.stop();
  profiler.start();
  EXPECT_TRUE(profiler.stop().empty());
}

TEST_F(TraceTest, AWindowTracesSomeStepsOfALoop) {
  TraceWindow window(path_, 2, 3);
  for (int i = 0; i < 10; ++i) {
    window.begin_step(100 + i);
    profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);  // nobody waits but the window
    window.end_step();
    EXPECT_EQ(window.written(), i >= 4) << i;
  }
  window.finish();
  EXPECT_EQ(window.description(), "2 steps, 2 ranges, 2 kernels, 0 copies, 0 fills; open " + path_.string() +
                                      " in ui.perfetto.dev");
  std::ifstream file(path_);
  const json trace = json::parse(file);
  const auto ranges = events(trace, "range"), kernels = events(trace, "kernel");
  ASSERT_EQ(ranges.size(), 2u);
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(ranges[0]["name"], "step 103");
  EXPECT_LE(end_of(kernels[0]), end_of(ranges[0]));
}

TEST_F(TraceTest, ALoopThatEndsEarlyLeavesWhatWasTraced) {
  TraceWindow window(path_, 5, 1);
  for (int i = 0; i < 3; ++i) {
    window.begin_step(i);
    profiler_test::launch_profiled_add(x_.data(), kElements, 1.0f, nullptr);
    if (i < 2) window.end_step();  // the last one is interrupted
  }
  EXPECT_FALSE(window.written());
  window.finish();
  EXPECT_TRUE(window.written());
  std::ifstream file(path_);
  expect_nested(json::parse(file));
  {
    TraceWindow before(path_, 5);
    before.begin_step(0);
    before.end_step();
    before.finish();
    EXPECT_FALSE(before.written()) << "the loop ended in the warm-up";
  }
  EXPECT_THROW_MESSAGE(TraceWindow(path_, 0), Error, "steps");
  EXPECT_THROW_MESSAGE(TraceWindow("/nonexistent/folder/trace.json", 1), Error, "/nonexistent/folder");
}

TEST_F(TraceTest, RefusesAPathThatCannotBeWritten) {
  Trace trace;
  trace.start();
  trace.stop();
  const std::string pipe = path_.string() + ".pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const char* path : {"/nonexistent/folder/trace.json", "/tmp", pipe.c_str()}) {
    EXPECT_THROW_MESSAGE(check_trace_path(path), Error, path);
    EXPECT_THROW_MESSAGE(trace.write(path), Error, path);
  }
  EXPECT_TRUE(std::filesystem::is_fifo(pipe)) << "it was replaced";
  std::filesystem::remove(pipe);
  EXPECT_NO_THROW(check_trace_path(path_));
  EXPECT_FALSE(std::filesystem::exists(path_)) << "a check leaves nothing behind";
  std::ofstream(path_) << "old";
  trace.write(path_);
  EXPECT_GT(std::filesystem::file_size(path_), 3u) << "an older file is replaced";
}

// What everybody pays who never traces. The limit is for machines that are busy; the figure is printed.
TEST(TraceRangeCost, IsSmallWhileNobodyRecords) {
  constexpr int kRanges = 100'000;
  double least_ns = 1e9;
  for (int round = 0; round < 20; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < kRanges; ++i) TraceRange range("nobody listens");
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - begin;
    least_ns = std::min(least_ns, time.count() / kRanges);
  }
  fmt::print("  a range costs {:.2f} ns while nobody records\n", least_ns);
  EXPECT_LT(least_ns, 100.0);
}

}  // namespace
}  // namespace wb
