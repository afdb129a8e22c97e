// What a call of the implementation under test does beside its result: kernels launched, memory of the test
// changed.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace wb::detail {

/// Kernels that this program has launched so far; nothing where they cannot be counted.
std::optional<std::uint64_t> kernels_launched();

/// From now on, launches in other streams than this one are counted; how many there were.
void expect_stream(cudaStream_t stream);
std::uint64_t launched_elsewhere();

/// The stream that tests pass where they name none: not the default one, so that a kernel in the wrong stream
/// shows.
cudaStream_t stream_of_tests();

/// Elements that matches() has compared so far: tells a test of results from one of refusals.
std::uint64_t elements_compared();
void note_comparison(std::size_t elements);

/// From now on, calls are watched (`./workbook check` asks for it): what the test holds on the heap is hashed
/// before each call and compared after it, so that an implementation which looks for the oracle's copies is
/// caught.
void start_watching_calls();

/// Stands around one call of an implementation under test. Adds a failure to the running test when the call
/// launched a kernel in another stream than the one it was given, or changed memory that it was not given.
class WatchedCall {
 public:
  explicit WatchedCall(cudaStream_t stream);
  ~WatchedCall();
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;
};

// The heap of the test (heap_watch.cpp).

/// Starts to note the blocks that this thread allocates.
void watch_heap();
/// Between these two, blocks are not noted: they are the implementation's own.
void begin_foreign_call();
/// The number of noted blocks that were changed since begin_foreign_call().
std::size_t end_foreign_call();

}  // namespace wb::detail
