// Mistake: one vector is freed twice, another one never.
// Caught as: of what is not there
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

cudaError_t freed_twice(const float* a, const float* b, float* out, std::int64_t n, int threads) {
  if (n == 0) return cudaSuccess;
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;
  cudaError_t error = cudaMalloc(&device_a, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_b, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_out, bytes_of(n));
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) {
    add_kernel<<<blocks_for(n, threads), threads>>>(device_a, device_b, device_out, n);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes_of(n), cudaMemcpyDeviceToHost);
  for (float* memory : {device_a, device_b, device_b}) keep_first(error, cudaFree(memory));
  return error;
}

WB_REGISTER(Launch, freed_twice, freed_twice);

}  // namespace
}  // namespace wb
