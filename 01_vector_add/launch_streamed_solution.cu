// The same sum in pieces, in two streams: while one piece is copied, another one is added or copied back.
//
// A stream is a queue. Work in one stream runs in order, work in different streams may run at the same time.
// Piece p goes to stream p % 2 with its two copies to the device, its kernel, and its copy back. A GPU has
// one copy engine for each direction, so a piece can arrive while another one leaves.
//
// Two conditions: the host memory is pinned, since the copy engine reads addresses that must not move; and
// nothing waits until all pieces are enqueued. Each stream has device memory of its own for one piece. The
// next piece in the same stream may use it again, because the stream finishes the last one first.
#include <algorithm>

#include "01_vector_add/launch.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void add_piece_kernel(const float* a,  // (n)
                                 const float* b,  // (n)
                                 float* out,      // (n)
                                 std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

// A stream and its memory on the device.
struct Lane {
  cudaStream_t stream = nullptr;
  float* a = nullptr;    // (piece)
  float* b = nullptr;    // (piece)
  float* out = nullptr;  // (piece)
};

cudaError_t open(Lane& lane, std::int64_t piece) {
  const std::size_t bytes = static_cast<std::size_t>(piece) * sizeof(float);
  cudaError_t error = cudaStreamCreate(&lane.stream);
  if (error == cudaSuccess) error = cudaMalloc(&lane.a, bytes);
  if (error == cudaSuccess) error = cudaMalloc(&lane.b, bytes);
  if (error == cudaSuccess) error = cudaMalloc(&lane.out, bytes);
  return error;
}

// Enqueues one piece; does not wait.
cudaError_t add_piece(const Lane& lane, const float* a, const float* b, float* out, std::int64_t n) {
  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
  cudaError_t error = cudaMemcpyAsync(lane.a, a, bytes, cudaMemcpyHostToDevice, lane.stream);
  if (error == cudaSuccess) error = cudaMemcpyAsync(lane.b, b, bytes, cudaMemcpyHostToDevice, lane.stream);
  if (error != cudaSuccess) return error;
  const auto blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  add_piece_kernel<<<blocks, kThreads, 0, lane.stream>>>(lane.a, lane.b, lane.out, n);
  error = cudaGetLastError();
  if (error != cudaSuccess) return error;
  return cudaMemcpyAsync(out, lane.out, bytes, cudaMemcpyDeviceToHost, lane.stream);
}

cudaError_t close(Lane& lane) {
  cudaError_t error = cudaSuccess;
  for (float* memory : {lane.a, lane.b, lane.out}) {
    const cudaError_t freed = cudaFree(memory);
    if (error == cudaSuccess) error = freed;
  }
  const cudaError_t destroyed = lane.stream == nullptr ? cudaSuccess : cudaStreamDestroy(lane.stream);
  return error == cudaSuccess ? destroyed : error;
}

cudaError_t launch_streamed_solution(const float* a, const float* b, float* out, std::int64_t n,
                                     std::int64_t piece) {
  if (n < 0 || piece < 1) return cudaErrorInvalidValue;
  if (n == 0) return cudaSuccess;
  if (a == nullptr || b == nullptr || out == nullptr) return cudaErrorInvalidValue;

  Lane lanes[2];
  cudaError_t error = cudaSuccess;
  for (Lane& lane : lanes) {
    if (error == cudaSuccess) error = open(lane, std::min(piece, n));
  }
  for (std::int64_t first = 0; first < n && error == cudaSuccess; first += piece) {
    const Lane& lane = lanes[first / piece % 2];
    error = add_piece(lane, a + first, b + first, out + first, std::min(piece, n - first));
  }

  // Wait, even after an error: what was enqueued before it still writes into `out`.
  for (const Lane& lane : lanes) {
    if (lane.stream == nullptr) continue;
    const cudaError_t finished = cudaStreamSynchronize(lane.stream);
    if (error == cudaSuccess) error = finished;
  }
  for (Lane& lane : lanes) {
    const cudaError_t closed = close(lane);
    if (error == cudaSuccess) error = closed;
  }
  return error;
}

cudaError_t pinned_floats_solution(float** memory, std::int64_t n) {
  if (memory == nullptr || n < 1) return cudaErrorInvalidValue;
  *memory = nullptr;
  return cudaMallocHost(memory, static_cast<std::size_t>(n) * sizeof(float));
}

WB_REGISTER(PinnedFloats, solution, pinned_floats_solution);
WB_REGISTER(LaunchStreamed, solution, launch_streamed_solution);

}  // namespace
}  // namespace wb
