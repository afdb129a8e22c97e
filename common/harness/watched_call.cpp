#include "common/harness/watched_call.h"

#include <gtest/gtest.h>

#include <string_view>

#include "common/core/check.h"
#include "common/harness/streams_used.h"

namespace wb::detail {
namespace {

bool g_watching = false;
std::uint64_t g_compared = 0;
int g_calls_that_kept_memory = 0;  // in a row
LaunchFilter* g_launch_filter = nullptr;

}  // namespace

std::uint64_t elements_compared() {
  return g_compared;
}

void note_comparison(std::size_t elements) {
  g_compared += elements;
}

void set_launch_filter(LaunchFilter* filter) {
  g_launch_filter = filter;
}

bool launch_is_made(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream) {
  return g_launch_filter == nullptr || g_launch_filter(grid, block, shared, stream);
}

void start_watching_calls() {
  g_watching = true;
  watch_heap();
}

cudaStream_t stream_of_tests() {
  static const cudaStream_t stream = [] {
    cudaStream_t created = nullptr;
    WB_CUDA_CHECK(cudaStreamCreateWithFlags(&created, cudaStreamNonBlocking));
    return created;
  }();
  return stream;
}

WatchedCall::WatchedCall(cudaStream_t stream) {
  // What tests have copied and filled in the default stream is there before the call.
  if (stream == stream_of_tests()) static_cast<void>(cudaDeviceSynchronize());
  expect_stream(stream);
  if (g_watching) begin_foreign_call();
}

WatchedCall::~WatchedCall() {
  if (const std::uint64_t kernels = launched_elsewhere(); kernels != 0) {
    ADD_FAILURE()
        << kernels << (kernels == 1 ? " kernel was" : " kernels were")
        << " launched in another stream than the one that was passed: launch with <<<grid, block, bytes, "
           "stream>>>. In the default stream, a kernel may start before what the caller has queued";
  }
  if (const TransferElsewhere transfer = transferred_elsewhere(); transfer.call != nullptr) {
    const bool is_fill = std::string_view(transfer.call).starts_with("cudaMemset");
    ADD_FAILURE()
        << transfer.call << " works in "
        << (transfer.stream == nullptr ? "the default stream" : "another stream")
        << ", not in the one that was passed: "
        << (is_fill ? "cudaMemsetAsync(pointer, 0, bytes, stream)"
                    : "cudaMemcpyAsync(to, from, bytes, kind, stream)")
        << ". The default stream and one that is created with cudaStreamNonBlocking do not wait for "
           "each other, so a kernel in `stream` may come first";
  }
  if (!g_watching) return;
  if (const std::size_t changed = end_foreign_call(); changed != 0) {
    ADD_FAILURE() << "the call wrote into " << changed << " block" << (changed == 1 ? "" : "s")
                  << " of memory that the test holds, and to which it was given no pointer";
  }
}

KeptMemory::KeptMemory() : before_(device_bytes_in_use()) {}

void KeptMemory::check() const {
  const std::optional<std::size_t> after = device_bytes_in_use();
  if (!before_ || !after) return;
  g_calls_that_kept_memory = *after > *before_ ? g_calls_that_kept_memory + 1 : 0;
  if (g_calls_that_kept_memory != kCallsInARow) return;
  ADD_FAILURE() << "each of " << kCallsInARow << " calls in a row left device memory behind, the last one "
                << *after - *before_
                << " bytes: free what a call allocates, or keep one workspace for all calls";
}

}  // namespace wb::detail
