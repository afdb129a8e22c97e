// Tests of graph_step, in the order of the lesson's steps: the untouched starter fails at the first. What
// matters here are calls of the host, so the tests record them.
#include "07_tinyllama/graph_step.h"

#include <string>
#include <thread>
#include <vector>

#include "07_tinyllama/testing/graph_step_work.h"
#include "common/core/check.h"
#include "common/harness/implementation_test.h"
#include "common/harness/runtime_calls.h"

namespace {

using wb::CallKind;
using wb::RuntimeCalls;

constexpr std::size_t kSize = 100;

class GraphStepTest : public wb::ImplementationTest<wb::GraphStep> {
 protected:
  void SetUp() override {
    wb::ImplementationTest<wb::GraphStep>::SetUp();
    if (!IsSkipped()) WB_CUDA_CHECK(cudaStreamCreate(&stream_));
  }
  // A capture that a wrong implementation has left open would make every later test fail.
  void TearDown() override {
    if (stream_ == nullptr) return;
    end_capture();
    static_cast<void>(cudaGetLastError());
    WB_CUDA_CHECK(cudaStreamDestroy(stream_));
  }

  bool is_captured() const {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    WB_CUDA_CHECK(cudaStreamIsCapturing(stream_, &status));
    return status != cudaStreamCaptureStatusNone;
  }
  bool end_capture() {
    if (!is_captured()) return false;
    cudaGraph_t graph = nullptr;
    static_cast<void>(cudaStreamEndCapture(stream_, &graph));
    if (graph != nullptr) WB_CUDA_CHECK(cudaGraphDestroy(graph));
    static_cast<void>(cudaGetLastError());
    return true;
  }
  cudaError_t call(const wb::StepEnqueue& enqueue, int steps) {
    return implementation().function(enqueue, steps, stream_);
  }
  void expect_sum(wb::CountingStep& step, int steps) {
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    const std::vector<float> sum = step.sum().download();
    EXPECT_TRUE(wb::matches(sum, std::vector<double>(kSize, steps), {0.0, 0.0}))
        << "each step adds 1, and " << sum.at(0) << " steps ran where " << steps << " are asked for";
  }
  bool is_eager() const { return implementation().name == "eager"; }
  static std::string name_of(cudaError_t code) { return cudaGetErrorName(code); }
  static cudaError_t allocate() {
    float* memory = nullptr;
    const cudaError_t code = cudaMalloc(&memory, kSize);
    return code != cudaSuccess ? code : cudaFree(memory);
  }

  cudaStream_t stream_ = nullptr;
};

TEST_P(GraphStepTest, CapturesOneStep) {
  if (is_eager()) GTEST_SKIP() << "eager captures nothing";
  wb::CountingStep step(kSize);
  int calls = 0, captured = 0;
  const cudaError_t code = call(
      [&](cudaStream_t stream) {
        ++calls;
        captured += stream == stream_ && is_captured();
        return step.enqueue(stream);
      },
      5);
  EXPECT_EQ(name_of(code), "cudaSuccess");
  EXPECT_TRUE(calls == 1) << "`enqueue` was called " << calls
                          << " times: a graph is captured once, and launched for every step";
  EXPECT_TRUE(captured == calls) << "the stream was not captured while `enqueue` was called with it";
  EXPECT_FALSE(end_capture()) << "the stream is still captured";
}

TEST_P(GraphStepTest, RunsEveryStep) {
  for (const int steps : {1, 2, 40}) {
    wb::CountingStep step(kSize);
    RuntimeCalls calls;
    const cudaError_t code = call(step.function(), steps);
    calls.stop();
    EXPECT_EQ(name_of(code), "cudaSuccess");
    expect_sum(step, steps);
    if (HasFailure()) return;  // one number of steps explains enough
    if (is_eager()) continue;
    EXPECT_EQ(calls.count(CallKind::kGraphLaunch), static_cast<std::size_t>(steps));
    for (const wb::RuntimeCall& launch : calls.of(CallKind::kGraphLaunch)) {
      EXPECT_TRUE(launch.stream == stream_)
          << "a step is launched in another stream than the given one, which need not wait for it";
    }
    for (const wb::RuntimeCall& wait : calls.of(CallKind::kWait)) {
      ADD_FAILURE() << wb::to_text(wait) << ": nothing waits. The host prepares its next work meanwhile";
    }
    EXPECT_TRUE(calls.count(CallKind::kLaunch) == wb::CountingStep::kKernels)
        << calls.count(CallKind::kLaunch) << " kernels were launched: the " << wb::CountingStep::kKernels
        << " of one step are, in the capture of this call, and no others. (The graph of an earlier call has "
           "other work.)";
    if (HasFailure()) return;
  }
}

// A loader of data, say, allocates whenever it likes.
TEST_P(GraphStepTest, LetsOtherThreadsAllocate) {
  if (is_eager()) GTEST_SKIP() << "eager captures nothing";
  wb::CountingStep step(kSize);
  cudaError_t of_other_thread = cudaSuccess;
  bool is_called = false;
  const cudaError_t code = call(
      [&](cudaStream_t stream) {
        is_called = true;
        std::thread([&] { of_other_thread = allocate(); }).join();
        return step.enqueue(stream);
      },
      1);
  ASSERT_TRUE(is_called) << "`enqueue` was not called";
  EXPECT_TRUE(of_other_thread == cudaSuccess)
      << "cudaMalloc in another thread, during the capture, returned " << name_of(of_other_thread)
      << ": is its mode cudaStreamCaptureModeThreadLocal?";
  EXPECT_EQ(name_of(code), "cudaSuccess");
}

// Work of the stream before and after the steps stays before and after them.
TEST_P(GraphStepTest, KeepsTheOrderOfTheStream) {
  wb::CountingStep step(kSize);
  const wb::DeviceBuffer<float> tens(std::vector<float>(kSize, 10.0f));
  const std::size_t bytes = kSize * sizeof(float);
  wb::DeviceBuffer<float> after(kSize);
  WB_CUDA_CHECK(cudaMemcpyAsync(step.sum().data(), tens.data(), bytes, cudaMemcpyDeviceToDevice, stream_));
  EXPECT_EQ(name_of(call(step.function(), 3)), "cudaSuccess");
  WB_CUDA_CHECK(cudaMemcpyAsync(after.data(), step.sum().data(), bytes, cudaMemcpyDeviceToDevice, stream_));
  WB_CUDA_CHECK(cudaStreamSynchronize(stream_));
  EXPECT_TRUE(wb::matches(after.download(), std::vector<double>(kSize, 13.0), {0.0, 0.0}));
}

TEST_P(GraphStepTest, DestroysWhatItMakes) {
  if (is_eager()) GTEST_SKIP() << "eager makes nothing";
  wb::CountingStep step(kSize);
  RuntimeCalls calls;
  static_cast<void>(call(step.function(), 2));
  calls.stop();
  EXPECT_TRUE(calls.count(CallKind::kCaptured) == 1 && calls.count(CallKind::kCreate) == 1)
      << "one graph is made by cudaStreamEndCapture, and one by cudaGraphInstantiate";
  for (const wb::RuntimeCall& made : calls.kept()) {
    ADD_FAILURE() << "never destroyed: the graph that " << made.name << " has made";
  }
  EXPECT_TRUE(calls.freed_in_vain().empty()) << "destroyed twice";
}

TEST_P(GraphStepTest, ReportsEveryError) {
  // Of `enqueue`, in the middle of a capture.
  wb::CountingStep step(kSize);
  const auto fails = [&](cudaStream_t stream) {
    static_cast<void>(step.enqueue(stream));
    return cudaErrorNotPermitted;
  };
  {
    RuntimeCalls calls;
    EXPECT_EQ(name_of(call(fails, 3)), "cudaErrorNotPermitted") << "return the error that `enqueue` returned";
    EXPECT_FALSE(end_capture()) << "`enqueue` failed, and the stream is still captured";
    calls.stop();
    EXPECT_EQ(calls.count(CallKind::kGraphLaunch), 0u) << "steps were launched after an error";
    EXPECT_TRUE(calls.kept().empty()) << "after an error, the graph is destroyed too";
  }
  if (HasFailure() || is_eager()) return;
  // Of a step that waits, which a capture does not permit.
  EXPECT_NE(name_of(call([](cudaStream_t stream) { return cudaStreamSynchronize(stream); }, 3)),
            "cudaSuccess");
  EXPECT_FALSE(end_capture()) << "the step has waited, and the stream is still captured";
  static_cast<void>(cudaGetLastError());
  // Of a step that allocates, which it may not, either.
  EXPECT_NE(name_of(call([](cudaStream_t) { return allocate(); }, 3)), "cudaSuccess")
      << "a step has allocated, and the capture has let it: is its mode cudaStreamCaptureModeThreadLocal?";
  EXPECT_FALSE(end_capture()) << "the step has allocated, and the stream is still captured";
  static_cast<void>(cudaGetLastError());
  // Of each call that can fail: the beginning of the capture, the instantiation, three launches.
  for (std::size_t failing = 0; failing < 5; ++failing) {
    RuntimeCalls calls(failing);
    const cudaError_t code = call(step.function(), 3);
    const bool left_captured = end_capture();
    calls.stop();
    ASSERT_NE(calls.failed(), nullptr) << "only " << failing << " calls can fail";
    SCOPED_TRACE(wb::to_text(*calls.failed()) + " was made to return " + name_of(calls.failed()->returned));
    EXPECT_EQ(name_of(code), name_of(calls.failed()->returned)) << "an error is not reported";
    EXPECT_FALSE(left_captured) << "the stream is still captured";
    for (const wb::RuntimeCall& later : calls.of(CallKind::kGraphLaunch)) {
      EXPECT_FALSE(later.after_failure) << "a step was launched after the error";
    }
    EXPECT_TRUE(calls.kept().empty()) << "after an error, what was made is destroyed too";
    if (HasFailure()) return;
  }
}

TEST_P(GraphStepTest, RejectsBadArguments) {
  wb::CountingStep step(kSize);
  EXPECT_EQ(name_of(call(step.function(), -1)), "cudaErrorInvalidValue");
  EXPECT_EQ(name_of(call(nullptr, 1)), "cudaErrorInvalidValue");
  EXPECT_EQ(name_of(implementation().function(step.function(), 1, nullptr)), "cudaErrorInvalidValue");
  EXPECT_EQ(name_of(call(step.function(), 0)), "cudaSuccess");
  expect_sum(step, 0);
}

WB_TEST_IMPLEMENTATIONS(GraphStepTest, wb::GraphStep);

}  // namespace
