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

/// From now on, work in other streams than this one is noted; how many launches (streams_used.h: the rest).
void expect_stream(cudaStream_t stream);
std::uint64_t launched_elsewhere();

/// Asked before each launch that can be counted, where it is set: false means that the launch is not made.
/// `shared` is the dynamic shared memory of a block, in bytes.
using LaunchFilter = bool(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream);
void set_launch_filter(LaunchFilter* filter);
bool launch_is_made(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream);

/// Bytes of device memory that this program holds; nothing where they are not known to the byte.
std::optional<std::size_t> device_bytes_in_use();

/// The stream that tests pass where they name none: not the default one, so that work in the wrong stream
/// shows. Neither of the two waits for the other.
cudaStream_t stream_of_tests();

/// Elements that matches() has compared so far: tells a test of results from one of refusals.
std::uint64_t elements_compared();
void note_comparison(std::size_t elements);

/// From now on, calls are watched (`./workbook check` asks for it): what the test holds on the heap is hashed
/// before each call and compared after it, so that an implementation which looks for the oracle's copies is
/// caught.
void start_watching_calls();

/// Stands around one call of an implementation under test. Adds a failure to the running test when the call
/// worked in another stream than the one it was given, or changed memory that it was not given.
class WatchedCall {
 public:
  explicit WatchedCall(cudaStream_t stream);
  ~WatchedCall();
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;
};

/// Stands around calls of an implementation and the wait for them, on the CPU device, which counts its memory
/// to the byte. One workspace that is kept is no leak, nor one for each size; so many calls in a row that
/// leave more are.
class KeptMemory {
 public:
  static constexpr int kCallsInARow = 4;

  KeptMemory();
  /// Adds a failure to the running test at the last of kCallsInARow calls that left memory behind.
  void check() const;

 private:
  std::optional<std::size_t> before_;
};

// The heap of the test (heap_watch.cpp).

/// Starts to note the blocks that this thread allocates.
void watch_heap();
/// Between these two, blocks are not noted: they are the implementation's own.
void begin_foreign_call();
/// The number of noted blocks that were changed since begin_foreign_call().
std::size_t end_foreign_call();

}  // namespace wb::detail
