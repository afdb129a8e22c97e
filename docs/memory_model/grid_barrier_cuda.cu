// A barrier for all blocks of a grid: the sum of all numbers, and each number's share of it, in one
// launch. All blocks have to be resident at the same time, so the launch is cooperative, and a grid that
// is too large is refused.
// Prints: the shares add up to 1.000000
// Prints: a grid that does not fit: cudaErrorCooperativeLaunchTooLarge
// Refused: grid-wide synchronization
#include <cooperative_groups.h>
#include <cstdio>

namespace cg = cooperative_groups;

constexpr int kThreads = 256;

__global__ void shares(const float* numbers, float* out, float* sum, int n) {  // numbers, out: (n); sum: (1)
  const cg::grid_group grid = cg::this_grid();
  float mine = 0;
  for (int i = grid.thread_rank(); i < n; i += grid.size()) mine += numbers[i];
  atomicAdd(sum, mine);
  grid.sync();
  for (int i = grid.thread_rank(); i < n; i += grid.size()) out[i] = numbers[i] / *sum;
}

int main() {
  constexpr int kNumbers = 100000;
  static float numbers[kNumbers], out[kNumbers];
  for (int i = 0; i < kNumbers; ++i) numbers[i] = 1 + i % 7;
  float *device = nullptr, *result = nullptr, *sum = nullptr;
  cudaMalloc(&device, sizeof(numbers));
  cudaMalloc(&result, sizeof(out));
  cudaMalloc(&sum, sizeof(float));
  cudaMemset(sum, 0, sizeof(float));
  cudaMemcpy(device, numbers, sizeof(numbers), cudaMemcpyHostToDevice);

  int n = kNumbers, multiprocessors = 0, blocks = 0;
  cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0);
  cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, shares, kThreads, 0);
  void* arguments[] = {&device, &result, &sum, &n};
  const void* kernel = reinterpret_cast<const void*>(shares);
  cudaLaunchCooperativeKernel(kernel, dim3(blocks * multiprocessors), dim3(kThreads), arguments, 0, nullptr);
  cudaMemcpy(out, result, sizeof(out), cudaMemcpyDeviceToHost);
  double total = 0;
  for (const float share : out) total += share;
  const cudaError_t error = cudaLaunchCooperativeKernel(kernel, dim3(blocks * multiprocessors + 1),
                                                        dim3(kThreads), arguments, 0, nullptr);
  std::printf("the shares add up to %.6f\na grid that does not fit: %s\n", total, cudaGetErrorName(error));
  cudaFree(device);
  cudaFree(result);
  cudaFree(sum);
  return total > 0.99999 && total < 1.00001 && error == cudaErrorCooperativeLaunchTooLarge ? 0 : 1;
}
