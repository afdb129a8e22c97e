// Mistake: the inputs are copied with the direction of a result.
// Caught as: wrong direction
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

cudaError_t copied_the_wrong_way(const float* a, const float* b, float* out, std::int64_t n, int threads) {
  if (n == 0) return cudaSuccess;
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;
  cudaError_t error = cudaMalloc(&device_a, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_b, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_out, bytes_of(n));
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes_of(n), cudaMemcpyDeviceToHost);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes_of(n), cudaMemcpyDeviceToHost);
  if (error == cudaSuccess) {
    add_kernel<<<blocks_for(n, threads), threads>>>(device_a, device_b, device_out, n);
    error = cudaGetLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes_of(n), cudaMemcpyDeviceToHost);
  for (float* memory : {device_a, device_b, device_out}) keep_first(error, cudaFree(memory));
  return error;
}

WB_REGISTER(Launch, copied_the_wrong_way, copied_the_wrong_way);

}  // namespace
}  // namespace wb
