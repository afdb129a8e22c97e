// A sum in one launch: the block that comes last adds up what the others have written.
// Prints: sum 499500
#include <cooperative_groups.h>
#include <stdio.h>

namespace cg = cooperative_groups;

__device__ unsigned int blocks_done = 0;

__global__ void sum(const float* numbers, int n, volatile float* partial, float* result) {
  __shared__ bool is_last;
  float mine = 0;
  for (int i = cg::this_grid().thread_rank(); i < n; i += cg::this_grid().size()) mine += numbers[i];
  for (int delta = 16; delta > 0; delta /= 2) mine += __shfl_down_sync(0xffffffff, mine, delta);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = mine;
    __threadfence();
    is_last = atomicInc(&blocks_done, gridDim.x) == gridDim.x - 1;
  }
  __syncthreads();
  if (is_last && threadIdx.x == 0) {
    float total = 0;
    for (int block = 0; block < gridDim.x; block++) total += partial[block];
    *result = total;
    blocks_done = 0;
  }
}

int main() {
  const int n = 1000, blocks = 8;
  float numbers[n], total, *d_numbers, *d_partial, *d_total;
  for (int i = 0; i < n; i++) numbers[i] = i;
  cudaMalloc(&d_numbers, sizeof(numbers));
  cudaMalloc(&d_partial, blocks * sizeof(float));
  cudaMalloc(&d_total, sizeof(float));
  cudaMemcpy(d_numbers, numbers, sizeof(numbers), cudaMemcpyHostToDevice);
  sum<<<blocks, 32>>>(d_numbers, n, d_partial, d_total);
  cudaMemcpy(&total, d_total, sizeof(float), cudaMemcpyDeviceToHost);
  printf("sum %g\n", total);
  cudaFree(d_numbers);
  cudaFree(d_partial);
  cudaFree(d_total);
}
