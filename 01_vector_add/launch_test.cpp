// Tests of launch, in the order of the lesson's steps. What matters here are calls, so the tests record them
// (common/harness/runtime_calls.h), and make each of them fail once.
#include "01_vector_add/launch.h"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "01_vector_add/testing/launch_record.h"
#include "common/core/device_info.h"
#include "common/harness/implementation_test.h"
#include "common/harness/runtime_calls.h"
#include "common/harness/sanitizer.h"

namespace {

using wb::CallKind;
using wb::RuntimeCall;
using wb::RuntimeCalls;

constexpr int kThreads = 256;
constexpr wb::Tolerance kTolerance{0.0, 6e-8};  // one correctly rounded addition

// Host memory of one call: inputs, and an output of NaNs. Pageable, or pinned.
class Vectors {
 public:
  explicit Vectors(std::int64_t n, bool pinned = false)
      : n_(static_cast<std::size_t>(n)),
        pinned_(pinned),
        a_(wb::random_uniform(n_, 1)),
        b_(wb::random_uniform(n_, 2)) {
    const std::size_t bytes = std::max<std::size_t>(3 * n_, 1) * sizeof(float);
    if (pinned_) {
      void* memory = nullptr;
      WB_CUDA_CHECK(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault));
      memory_ = static_cast<float*>(memory);
    } else {
      pageable_.resize(std::max<std::size_t>(3 * n_, 1));
      memory_ = pageable_.data();
    }
    std::copy(a_.begin(), a_.end(), memory_);
    std::copy(b_.begin(), b_.end(), memory_ + n_);
    std::fill_n(memory_ + 2 * n_, n_, std::bit_cast<float>(wb::detail::kPoisonWord));
  }
  ~Vectors() {
    if (pinned_) static_cast<void>(cudaFreeHost(memory_));
  }
  Vectors(const Vectors&) = delete;
  Vectors& operator=(const Vectors&) = delete;

  const float* a() const { return memory_; }
  const float* b() const { return memory_ + n_; }
  float* out() { return memory_ + 2 * n_; }
  std::size_t bytes() const { return n_ * sizeof(float); }

  testing::AssertionResult is_sum() const {
    if (!std::equal(a_.begin(), a_.end(), a()) || !std::equal(b_.begin(), b_.end(), b())) {
      return testing::AssertionFailure() << "an input in host memory was changed";
    }
    std::vector<double> sum(n_);
    for (std::size_t i = 0; i < n_; ++i) sum[i] = static_cast<double>(a_[i]) + static_cast<double>(b_[i]);
    const std::vector<float> got(memory_ + 2 * n_, memory_ + 3 * n_);
    return wb::matches(got, sum, kTolerance, {{static_cast<std::int64_t>(n_)}, kThreads});
  }
  bool is_untouched() const {
    return std::all_of(memory_ + 2 * n_, memory_ + 3 * n_, [](float value) { return value != value; });
  }

 private:
  std::size_t n_;
  bool pinned_;
  std::vector<float> a_, b_, pageable_;
  float* memory_;
};

// `problem`: what is wrong, "" where nothing is.
testing::AssertionResult is_right(const std::string& problem) {
  return problem.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << problem;
}

testing::AssertionResult is_success(cudaError_t code) {
  return code == cudaSuccess ? testing::AssertionSuccess()
                             : testing::AssertionFailure() << "it returned " << wb::error_text(code);
}

// Runs `call` again and again, and each time another one of the calls that it makes fails.
template <class Call>
void expect_every_error_returned(Call call, bool in_streams) {
  std::size_t fallible = 0;
  {
    RuntimeCalls calls;
    call();
    calls.stop();
    for (const RuntimeCall& one : calls.all()) fallible += wb::can_fail(one);
    ASSERT_GT(calls.count(CallKind::kLaunch), 0u) << "no kernel was launched";
  }
  for (std::size_t failing = 0; failing < fallible; ++failing) {
    RuntimeCalls calls(failing);
    const cudaError_t code = call();
    calls.stop();
    ASSERT_NE(calls.failed(), nullptr) << "the calls differ from run to run";
    SCOPED_TRACE(wb::to_text(*calls.failed()) + " was made to return " +
                 wb::error_text(calls.failed()->returned));
    EXPECT_TRUE(is_right(wb::about_what_went_on(calls)));
    if (in_streams) {
      EXPECT_TRUE(is_right(wb::about_missing_waits(calls)));
    }
    EXPECT_EQ(wb::error_text(code), wb::error_text(calls.failed()->returned)) << "an error is not reported";
    EXPECT_TRUE(is_right(wb::about_what_is_kept(calls))) << "after an error, what was allocated is freed too";
    if (testing::Test::HasFailure()) return;  // one call explains enough
  }
}

class LaunchTest : public wb::ImplementationTest<wb::Launch> {
 protected:
  cudaError_t launch(Vectors& x, std::int64_t n, int threads = kThreads) {
    return implementation().function(x.a(), x.b(), x.out(), n, threads);
  }
};

TEST_P(LaunchTest, AllocatesOnTheDevice) {
  Vectors x(1000);
  RuntimeCalls calls;
  launch(x, 1000);
  calls.stop();
  std::size_t bytes = 0;
  for (const RuntimeCall& call : calls.of(CallKind::kAllocate)) bytes += call.bytes;
  EXPECT_GE(bytes, 2 * x.bytes()) << "the device has no room for two vectors of 1000 floats: cudaMalloc";
}

TEST_P(LaunchTest, CopiesTheInputsToTheDevice) {
  Vectors x(1000);
  RuntimeCalls calls;
  launch(x, 1000);
  calls.stop();
  EXPECT_TRUE(is_right(wb::about_directions(calls)));
  EXPECT_TRUE(is_right(wb::about_input(calls, x.a(), x.bytes(), "a")));
  EXPECT_TRUE(is_right(wb::about_input(calls, x.b(), x.bytes(), "b")));
}

TEST_P(LaunchTest, LaunchesEnoughThreads) {
  for (const auto& [n, threads] : {std::pair{1000, 256}, {1000, 128}, {1024, 256}, {1, 32}}) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", threads = " + std::to_string(threads));
    Vectors x(n);
    RuntimeCalls calls;
    launch(x, n, threads);
    calls.stop();
    const std::vector<RuntimeCall> launches = calls.of(CallKind::kLaunch);
    ASSERT_EQ(launches.size(), 1u) << "kernels launched";
    EXPECT_EQ(launches[0].block.x, static_cast<unsigned>(threads)) << "threads per block";
    EXPECT_EQ(launches[0].grid.x, static_cast<unsigned>((n + threads - 1) / threads)) << "blocks";
  }
}

TEST_P(LaunchTest, CopiesTheResultBack) {
  Vectors x(1000);
  RuntimeCalls calls;
  EXPECT_TRUE(is_success(launch(x, 1000)));
  calls.stop();
  EXPECT_TRUE(is_right(wb::about_directions(calls)));
  EXPECT_TRUE(is_right(wb::about_missing_waits(calls)));
  EXPECT_TRUE(is_right(wb::about_output(calls, x.out(), x.bytes())));
  EXPECT_TRUE(x.is_sum()) << "is the result copied back?";
}

TEST_P(LaunchTest, FreesWhatItAllocates) {
  Vectors x(1000);
  RuntimeCalls calls;
  launch(x, 1000);
  calls.stop();
  EXPECT_GT(calls.count(CallKind::kAllocate), 0u);
  EXPECT_TRUE(is_right(wb::about_what_is_kept(calls)));
}

TEST_P(LaunchTest, ReportsALaunchThatIsRefused) {
  if (wb::sanitizer() == "memcheck") GTEST_SKIP() << "memcheck reports a refused launch itself";
  Vectors x(1000);
  RuntimeCalls calls;
  const cudaError_t code = launch(x, 1000, 2048);
  const cudaError_t pending = cudaGetLastError();  // recorded too
  calls.stop();
  // The documentation promises the first; the runtime of CUDA 13.0 returns the second.
  EXPECT_TRUE(code == cudaErrorInvalidConfiguration || code == cudaErrorInvalidValue)
      << "it returned " << wb::error_text(code) << ". A block of 2048 threads is refused, and "
      << (calls.count(CallKind::kAskError) > 1 ? "a later code replaced it"
                                               : "only cudaGetLastError() after the launch tells");
  EXPECT_TRUE(is_success(pending)) << " when asked again: cudaGetLastError() clears it, a peek does not";
  EXPECT_TRUE(is_right(wb::about_what_is_kept(calls))) << "after an error, what was allocated is freed too";
}

TEST_P(LaunchTest, ReportsEveryError) {
  Vectors x(1000);
  expect_every_error_returned([&] { return launch(x, 1000); }, false);
}

TEST_P(LaunchTest, DoesNothingForNoElements) {
  RuntimeCalls calls;
  EXPECT_TRUE(is_success(implementation().function(nullptr, nullptr, nullptr, 0, kThreads)));
  calls.stop();
  EXPECT_EQ(calls.count(CallKind::kLaunch), 0u) << "an empty grid is a launch error";
  EXPECT_TRUE(is_right(wb::about_what_is_kept(calls)));
}

TEST_P(LaunchTest, AddsEverySize) {
  for (const int n : wb::edge_sizes()) {
    SCOPED_TRACE("n = " + std::to_string(n));
    Vectors x(n);
    RuntimeCalls calls;
    EXPECT_TRUE(is_success(launch(x, n)));
    calls.stop();
    EXPECT_TRUE(x.is_sum());
    EXPECT_TRUE(is_right(wb::about_what_is_kept(calls)));
    if (HasFailure()) return;
  }
  for (const int threads : {32, 1024}) {
    Vectors x(3000);
    const RuntimeCalls calls;  // frees what the call leaves behind
    EXPECT_TRUE(is_success(launch(x, 3000, threads)));
    EXPECT_TRUE(x.is_sum()) << "right with blocks of " << kThreads << " threads, and wrong with " << threads
                            << ": does the kernel compute its index with blockDim.x?";
    if (HasFailure()) return;
  }
}

TEST_P(LaunchTest, TakesPinnedMemoryToo) {
  Vectors x(1000, true);
  const RuntimeCalls calls;  // frees what the call leaves behind
  EXPECT_TRUE(is_success(launch(x, 1000)));
  EXPECT_TRUE(x.is_sum());
}

TEST_P(LaunchTest, RejectsBadArguments) {
  Vectors x(4);
  auto* launch = implementation().function;
  RuntimeCalls calls;
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), -1, 32), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), 4, 0), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), 4, -32), cudaErrorInvalidValue);
  EXPECT_EQ(launch(nullptr, x.b(), x.out(), 4, 32), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), nullptr, x.out(), 4, 32), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), nullptr, 4, 32), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), std::int64_t{1} << 40, 32), cudaErrorInvalidConfiguration);
  calls.stop();
  EXPECT_EQ(calls.count(CallKind::kAllocate), 0u);
  EXPECT_TRUE(x.is_untouched());
}

class PinnedFloatsTest : public wb::ImplementationTest<wb::PinnedFloats> {};

TEST_P(PinnedFloatsTest, AllocatesPinnedMemory) {
  float* memory = nullptr;
  const RuntimeCalls calls;
  ASSERT_TRUE(is_success(implementation().function(&memory, 1000)));
  ASSERT_NE(memory, nullptr) << "the caller receives no address";
  cudaPointerAttributes attributes{};
  WB_CUDA_CHECK(cudaPointerGetAttributes(&attributes, memory));
  ASSERT_EQ(attributes.type, cudaMemoryTypeHost) << "this is no pinned host memory: cudaMallocHost";
  for (const RuntimeCall& call : calls.of(CallKind::kAllocatePinned)) ASSERT_GE(call.bytes, 4000u) << "bytes";
  std::fill(memory, memory + 1000, 1.0f);
  EXPECT_EQ(cudaFreeHost(memory), cudaSuccess);
}

TEST_P(PinnedFloatsTest, ReportsAnErrorOfPinnedMemory) {
  RuntimeCalls calls(0);
  float untouched = 0;
  float* memory = &untouched;
  const cudaError_t code = implementation().function(&memory, 1000);
  calls.stop();
  EXPECT_EQ(wb::error_text(code), "cudaErrorMemoryAllocation");
  EXPECT_EQ(memory, nullptr);
}

TEST_P(PinnedFloatsTest, RejectsBadArgumentsOfPinnedMemory) {
  float* memory = nullptr;
  EXPECT_EQ(implementation().function(nullptr, 4), cudaErrorInvalidValue);
  EXPECT_EQ(implementation().function(&memory, 0), cudaErrorInvalidValue);
  EXPECT_EQ(implementation().function(&memory, -4), cudaErrorInvalidValue);
}

class LaunchStreamedTest : public wb::ImplementationTest<wb::LaunchStreamed> {
 protected:
  cudaError_t launch(Vectors& x, std::int64_t n, std::int64_t piece) {
    return implementation().function(x.a(), x.b(), x.out(), n, piece);
  }
  // Five pieces, the last one shorter.
  static constexpr int kSize = 4500, kPiece = 1000;
};

TEST_P(LaunchStreamedTest, OpensTwoLanes) {
  Vectors x(kSize, true);
  RuntimeCalls calls;
  launch(x, kSize, kPiece);
  calls.stop();
  std::size_t streams = 0, bytes = 0;
  for (const RuntimeCall& call : calls.of(CallKind::kCreate)) streams += call.stream != nullptr;
  for (const RuntimeCall& call : calls.of(CallKind::kAllocate)) bytes += call.bytes;
  EXPECT_EQ(streams, 2u) << "streams created";
  EXPECT_GE(bytes, 2 * 2 * kPiece * sizeof(float)) << "bytes on the device";
  EXPECT_LE(bytes, 2 * 3 * kPiece * sizeof(float))
      << "bytes on the device: two streams with three vectors of a piece each are enough";
  EXPECT_TRUE(is_right(wb::about_what_is_kept(calls)));
}

TEST_P(LaunchStreamedTest, AddsOnePiece) {
  Vectors x(1000, true);
  const RuntimeCalls calls;
  EXPECT_TRUE(is_success(launch(x, 1000, 1000)));
  EXPECT_TRUE(x.is_sum());
}

TEST_P(LaunchStreamedTest, AddsManyPieces) {
  for (const auto& [n, piece] :
       {std::pair{2000, 1000}, {kSize, kPiece}, {1000, 4096}, {33, 1}, {1, 1}, {7000, 1024}}) {
    SCOPED_TRACE("n = " + std::to_string(n) + ", piece = " + std::to_string(piece));
    Vectors x(n, true);
    RuntimeCalls calls;
    EXPECT_TRUE(is_success(launch(x, n, piece)));
    calls.stop();
    EXPECT_EQ(calls.count(CallKind::kLaunch), static_cast<std::size_t>((n + piece - 1) / piece)) << "pieces";
    EXPECT_TRUE(x.is_sum());
    if (HasFailure()) return;
  }
}

TEST_P(LaunchStreamedTest, UsesTwoStreams) {
  Vectors x(kSize, true);
  RuntimeCalls calls;
  launch(x, kSize, kPiece);
  calls.stop();
  EXPECT_TRUE(is_right(wb::about_default_stream(calls)));
  EXPECT_EQ(wb::streams_used(calls).size(), 2u) << "streams with copies or kernels in them";
}

TEST_P(LaunchStreamedTest, KeepsEachPieceInOneStream) {
  Vectors x(kSize, true);
  RuntimeCalls calls;
  launch(x, kSize, kPiece);
  calls.stop();
  ASSERT_EQ(calls.count(CallKind::kLaunch), 5u) << "pieces";
  EXPECT_TRUE(is_right(wb::about_order_in_streams(calls)));
}

TEST_P(LaunchStreamedTest, GivesEachStreamItsOwnMemory) {
  Vectors x(kSize, true);
  RuntimeCalls calls;
  launch(x, kSize, kPiece);
  calls.stop();
  ASSERT_EQ(calls.count(CallKind::kLaunch), 5u) << "pieces";
  EXPECT_TRUE(is_right(wb::about_shared_memory(calls)));
}

TEST_P(LaunchStreamedTest, EnqueuesAllBeforeItWaits) {
  Vectors x(kSize, true);
  RuntimeCalls calls;
  launch(x, kSize, kPiece);
  calls.stop();
  ASSERT_EQ(calls.count(CallKind::kLaunch), 5u) << "pieces";
  EXPECT_TRUE(is_right(wb::about_early_waits(calls)));
}

TEST_P(LaunchStreamedTest, WaitsBeforeItReturns) {
  Vectors x(kSize, true);
  RuntimeCalls calls;
  launch(x, kSize, kPiece);
  calls.stop();
  ASSERT_EQ(calls.count(CallKind::kLaunch), 5u) << "pieces";
  EXPECT_TRUE(is_right(wb::about_missing_waits(calls)));
}

TEST_P(LaunchStreamedTest, ReportsEveryErrorOfAPiece) {
  Vectors x(3000, true);
  expect_every_error_returned([&] { return launch(x, 3000, 1000); }, true);
}

TEST_P(LaunchStreamedTest, DoesNothingForNoPieces) {
  RuntimeCalls calls;
  EXPECT_TRUE(is_success(implementation().function(nullptr, nullptr, nullptr, 0, 64)));
  calls.stop();
  EXPECT_EQ(calls.count(CallKind::kLaunch), 0u);
  EXPECT_TRUE(is_right(wb::about_what_is_kept(calls)));
}

TEST_P(LaunchStreamedTest, RejectsBadArgumentsOfPieces) {
  Vectors x(4, true);
  auto* launch = implementation().function;
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), -1, 2), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), 4, 0), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), x.out(), 4, -2), cudaErrorInvalidValue);
  EXPECT_EQ(launch(nullptr, x.b(), x.out(), 4, 2), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), nullptr, x.out(), 4, 2), cudaErrorInvalidValue);
  EXPECT_EQ(launch(x.a(), x.b(), nullptr, 4, 2), cudaErrorInvalidValue);
  EXPECT_TRUE(x.is_untouched());
}

WB_TEST_IMPLEMENTATIONS(LaunchTest, wb::Launch);
WB_TEST_IMPLEMENTATIONS(PinnedFloatsTest, wb::PinnedFloats);
WB_TEST_IMPLEMENTATIONS(LaunchStreamedTest, wb::LaunchStreamed);

}  // namespace
