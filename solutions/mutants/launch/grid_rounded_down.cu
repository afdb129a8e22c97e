// Mistake: n / threads blocks: the last elements have no thread.
// Caught as: \n    blocks|only the tail
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

cudaError_t grid_rounded_down(const float* a, const float* b, float* out, std::int64_t n, int threads) {
  if (n == 0) return cudaSuccess;
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;
  cudaError_t error = cudaMalloc(&device_a, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_b, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_out, bytes_of(n));
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) {
    add_kernel<<<static_cast<unsigned>(n / threads), threads>>>(device_a, device_b, device_out, n);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes_of(n), cudaMemcpyDeviceToHost);
  for (float* memory : {device_a, device_b, device_out}) keep_first(error, cudaFree(memory));
  return error;
}

WB_REGISTER(Launch, grid_rounded_down, grid_rounded_down);

}  // namespace
}  // namespace wb
