// The host side of a kernel: out = a + b for vectors in host memory.
//
// A kernel reads and writes memory of the device. So the host allocates there, copies the inputs, launches,
// copies the result back and frees. Every call returns an error code. One variable keeps the first error:
// each step runs only if all steps before it succeeded, and everything is freed either way. cudaFree(nullptr)
// does nothing, so memory that was never allocated needs no special case.
//
// A launch returns nothing. cudaGetLastError() tells whether it was accepted; an error inside of the kernel
// shows at the next call that waits for it, here the copy of the result.
//
// Read next: launch_streamed_solution.cu, where copies and kernels overlap.
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

cudaError_t launch_solution(const float* a, const float* b, float* out, std::int64_t n, int threads) {
  if (n < 0 || threads < 1) return cudaErrorInvalidValue;
  if (n == 0) return cudaSuccess;
  if (a == nullptr || b == nullptr || out == nullptr) return cudaErrorInvalidValue;
  const std::int64_t blocks = (n - 1) / threads + 1;
  if (blocks > 0x7fffffff) return cudaErrorInvalidConfiguration;

  const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;

  // Allocate on the device.
  cudaError_t error = cudaMalloc(&device_a, bytes);
  if (error == cudaSuccess) error = cudaMalloc(&device_b, bytes);
  if (error == cudaSuccess) error = cudaMalloc(&device_out, bytes);

  // Copy the inputs there.
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes, cudaMemcpyHostToDevice);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes, cudaMemcpyHostToDevice);

  // Launch, and ask whether the launch was accepted.
  if (error == cudaSuccess) {
    add_kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads)>>>(device_a, device_b,
                                                                                  device_out, n);
    error = cudaGetLastError();
  }

  // Copy the result back. This waits for the kernel.
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes, cudaMemcpyDeviceToHost);

  // Free, whatever happened. The first error counts.
  for (float* memory : {device_a, device_b, device_out}) {
    const cudaError_t freed = cudaFree(memory);
    if (error == cudaSuccess) error = freed;
  }
  return error;
}

WB_REGISTER(Launch, solution, launch_solution);

}  // namespace
}  // namespace wb
