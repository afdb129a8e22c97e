// Contract: the host side of a kernel. out = a + b for vectors in host memory: memory of the device, copies,
// launch, errors; then the same in pieces, in two streams.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb {

/// Adds two vectors in host memory on the device: allocates there, copies a and b, launches `threads` threads
/// per block, copies the result back, and frees. Returns when `out` is complete. Nothing overlaps.
/// n = 0 does nothing: no allocation and no launch, whose grid would be empty.
/// Returns cudaSuccess or the first error that a call or the launch has reported. After an error it makes no
/// further copy or launch. Either way all that it allocated is freed.
/// Wrong arguments return cudaErrorInvalidValue: n < 0, threads < 1, or with n > 0 a null pointer. More
/// blocks than a grid can have return cudaErrorInvalidConfiguration. Whether a block may have so many threads
/// is left to the launch.
struct Launch {
  static constexpr const char* kName = "launch";
  using Function = cudaError_t(const float* a,  // (n) in host memory
                               const float* b,  // (n) in host memory
                               float* out,      // (n) in host memory
                               std::int64_t n,  //
                               int threads);
};

/// Allocates n floats of pinned host memory, which the device reads and writes while the host goes on.
/// cudaFreeHost frees them. Returns cudaSuccess, or the error with *memory = nullptr. n < 1 and a null
/// `memory` return cudaErrorInvalidValue.
struct PinnedFloats {
  static constexpr const char* kName = "pinned_floats";
  using Function = cudaError_t(float** memory,  // receives the address of (n)
                               std::int64_t n);
};

/// The same sum in pieces of `piece` elements, the last one shorter where that does not divide n, and in two
/// streams of its own: piece p is copied to the device, added, and copied back in stream p % 2. Each stream
/// has device memory for one piece. The host enqueues all pieces before it waits, so that pieces in one
/// stream overlap with those in the other. a, b and out are in pinned host memory. Errors as above; piece < 1
/// returns cudaErrorInvalidValue too.
struct LaunchStreamed {
  static constexpr const char* kName = "launch_streamed";
  using Function = cudaError_t(const float* a,  // (n) in pinned host memory
                               const float* b,  // (n) in pinned host memory
                               float* out,      // (n) in pinned host memory
                               std::int64_t n,  //
                               std::int64_t piece);
};

}  // namespace wb
