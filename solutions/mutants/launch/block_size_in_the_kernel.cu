// Mistake: the kernel takes every block for one of 256 threads.
// Caught as: does the kernel compute its index with blockDim.x
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void add_in_blocks_of_256(const float* a, const float* b, float* out, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * 256 + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

cudaError_t block_size_in_the_kernel(const float* a, const float* b, float* out, std::int64_t n,
                                     int threads) {
  if (n == 0) return cudaSuccess;
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;
  cudaError_t error = cudaMalloc(&device_a, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_b, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_out, bytes_of(n));
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) {
    add_in_blocks_of_256<<<blocks_for(n, threads), threads>>>(device_a, device_b, device_out, n);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes_of(n), cudaMemcpyDeviceToHost);
  for (float* memory : {device_a, device_b, device_out}) keep_first(error, cudaFree(memory));
  return error;
}

WB_REGISTER(Launch, block_size_in_the_kernel, block_size_in_the_kernel);

}  // namespace
}  // namespace wb
