// Your turn: the host side. out = a + b for vectors in host memory. The host code allocates memory on the
// device, copies, launches, and checks every error. README.md is the lesson; hints.md helps.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 01 launch
//
// The kernel is complete. Use the CUDA runtime itself here: cudaMalloc, cudaMemcpy, cudaFree and their error
// codes, no helper of the workbook.
#include <algorithm>

#include "01_vector_add/launch.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void add_kernel(const float* a,  // (n)
                           const float* b,  // (n)
                           float* out,      // (n)
                           std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

cudaError_t launch_starter(const float* a, const float* b, float* out, std::int64_t n, int threads) {
  if (n < 0 || threads < 1) return cudaErrorInvalidValue;
  if (n == 0) return cudaSuccess;
  if (a == nullptr || b == nullptr || out == nullptr) return cudaErrorInvalidValue;
  const std::int64_t blocks = (n - 1) / threads + 1;  // n / threads, rounded up
  if (blocks > 0x7fffffff) return cudaErrorInvalidConfiguration;

  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;

  // TODO 1: Allocate `bytes` bytes on the device for each of the three vectors.

  // TODO 2: Copy a and b to the device. What is the destination, and what is the direction?

  // TODO 3: Launch add_kernel with `blocks` blocks of `threads` threads. It works on the device's vectors.

  // TODO 4: Copy the result to `out`.

  // TODO 5: Free the three vectors.

  // TODO 6: Return the error of the launch. A launch returns no code: ask for its error right after it.
  // TODO 7: Return the error of every other call, too. After the first error nothing more is copied or
  //         launched, but all that was allocated is freed.
  return cudaSuccess;
}

cudaError_t pinned_floats_starter(float** memory, std::int64_t n) {
  if (memory == nullptr || n < 1) return cudaErrorInvalidValue;
  *memory = nullptr;
  // TODO 8: Allocate n floats of pinned host memory.
  return cudaSuccess;
}

constexpr int kThreads = 256;

// A stream and its memory on the device.
struct Lane {
  cudaStream_t stream = nullptr;
  float* a = nullptr;    // (piece)
  float* b = nullptr;    // (piece)
  float* out = nullptr;  // (piece)
};

cudaError_t open(Lane& lane, std::int64_t piece) {
  // TODO 9: Create the lane's stream, and allocate its three vectors of `piece` floats.
  return cudaSuccess;
}

// Enqueues one piece of n elements in the lane's stream; does not wait.
cudaError_t add_piece(const Lane& lane, const float* a, const float* b, float* out, std::int64_t n) {
  // TODO 10: Two copies to the device, the launch, the copy back: all of them in lane.stream.
  return cudaSuccess;
}

cudaError_t close(Lane& lane) {
  // TODO 9: Free the lane's vectors and destroy its stream. Some of them may not exist, after an error.
  return cudaSuccess;
}

cudaError_t launch_streamed_starter(const float* a, const float* b, float* out, std::int64_t n,
                                    std::int64_t piece) {
  if (n < 0 || piece < 1) return cudaErrorInvalidValue;
  if (n == 0) return cudaSuccess;
  if (a == nullptr || b == nullptr || out == nullptr) return cudaErrorInvalidValue;

  Lane lanes[2];
  cudaError_t error = cudaSuccess;
  for (Lane& lane : lanes) {
    if (error == cudaSuccess) error = open(lane, std::min(piece, n));
  }

  // TODO 11: Enqueue every piece: `piece` elements from `first` on, the last piece may be shorter. One piece
  //          goes to one lane, the next one to the other. Wait for nothing here.

  // TODO 12: Wait for both streams, also after an error: work that was enqueued before it still writes into
  //          `out`.

  for (Lane& lane : lanes) {
    const cudaError_t closed = close(lane);
    if (error == cudaSuccess) error = closed;
  }
  return error;
}

WB_REGISTER(Launch, starter, launch_starter);
WB_REGISTER(PinnedFloats, starter, pinned_floats_starter);
WB_REGISTER(LaunchStreamed, starter, launch_streamed_starter);

}  // namespace
}  // namespace wb
