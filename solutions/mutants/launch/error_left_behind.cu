// Mistake: cudaPeekAtLastError() leaves the error of the launch for the next one.
// Caught as: when asked again: cudaGetLastError\(\) clears it
// Caught by: ReportsALaunchThatIsRefused
#include "solutions/mutants/launch/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

cudaError_t error_left_behind(const float* a, const float* b, float* out, std::int64_t n, int threads) {
  if (n == 0) return cudaSuccess;
  float *device_a = nullptr, *device_b = nullptr, *device_out = nullptr;
  cudaError_t error = cudaMalloc(&device_a, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_b, bytes_of(n));
  if (error == cudaSuccess) error = cudaMalloc(&device_out, bytes_of(n));
  if (error == cudaSuccess) error = cudaMemcpy(device_a, a, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) error = cudaMemcpy(device_b, b, bytes_of(n), cudaMemcpyHostToDevice);
  if (error == cudaSuccess) {
    add_kernel<<<blocks_for(n, threads), threads>>>(device_a, device_b, device_out, n);
    error = cudaPeekAtLastError();
  }
  if (error == cudaSuccess) error = cudaMemcpy(out, device_out, bytes_of(n), cudaMemcpyDeviceToHost);
  for (float* memory : {device_a, device_b, device_out}) keep_first(error, cudaFree(memory));
  return error;
}

WB_REGISTER(Launch, error_left_behind, error_left_behind);

}  // namespace
}  // namespace wb
