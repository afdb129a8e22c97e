// An inclusive scan of a block: warp shuffles first, then the warps' totals.
// Prints: scan is right, last 5625
#include <iostream>
#include <numeric>
#include <vector>

#define FULL_MASK 0xffffffff

__inline__ __device__ int warpScan(int value) {
  int lane = threadIdx.x & (warpSize - 1);
  for (int delta = 1; delta < warpSize; delta <<= 1) {
    int below = __shfl_up_sync(FULL_MASK, value, delta);
    if (lane >= delta) value += below;
  }
  return value;
}

__global__ void blockScan(int* data) {
  __shared__ int totals[32];
  int lane = threadIdx.x % warpSize, warp = threadIdx.x / warpSize;
  int value = warpScan(data[threadIdx.x]);
  if (lane == warpSize - 1) totals[warp] = value;
  __syncthreads();
  if (warp == 0) {
    int total = lane < blockDim.x / warpSize ? totals[lane] : 0;
    total = warpScan(total);
    totals[lane] = total;
  }
  __syncthreads();
  data[threadIdx.x] = value + (warp > 0 ? totals[warp - 1] : 0);
}

int main() {
  constexpr int n = 512;
  std::vector<int> numbers(n), expected(n);
  for (int i = 0; i < n; ++i) numbers[i] = (i * 7919) % 23;
  std::partial_sum(numbers.begin(), numbers.end(), expected.begin());
  int* device = nullptr;
  cudaMalloc(&device, n * sizeof(int));
  cudaMemcpy(device, numbers.data(), n * sizeof(int), cudaMemcpyHostToDevice);
  blockScan<<<1, n>>>(device);
  cudaMemcpy(numbers.data(), device, n * sizeof(int), cudaMemcpyDeviceToHost);
  std::cout << "scan " << (numbers == expected ? "is right" : "is WRONG") << ", last " << numbers.back()
            << std::endl;
  cudaFree(device);
}
