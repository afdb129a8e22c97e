// Mistake: it returns at an error, and leaves behind what was allocated by then.
// Caught as: after an error, what was allocated is freed too
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

cudaError_t leaves_at_the_first_error(const float* a, const float* b, float* out, std::int64_t n,
                                      int threads) {
  if (n == 0) return cudaSuccess;
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;
  if (const cudaError_t error = cudaMalloc(&device_a, bytes_of(n)); error != cudaSuccess) return error;
  if (const cudaError_t error = cudaMalloc(&device_b, bytes_of(n)); error != cudaSuccess) return error;
  if (const cudaError_t error = cudaMalloc(&device_out, bytes_of(n)); error != cudaSuccess) return error;
  cudaError_t error = cudaSuccess;
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) {
    add_kernel<<<blocks_for(n, threads), threads>>>(device_a, device_b, device_out, n);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes_of(n), cudaMemcpyDeviceToHost);
  for (float* memory : {device_a, device_b, device_out}) keep_first(error, cudaFree(memory));
  return error;
}

WB_REGISTER(Launch, leaves_at_the_first_error, leaves_at_the_first_error);

}  // namespace
}  // namespace wb
