// A sum in one launch whose fence comes before the partial sum, so that it does not publish it.
// Expect: race in device memory in kernel sum
// Expect: fence_before_data.cu:13: write by
// Expect: The write of line 13 comes after the last __threadfence() of its thread
// Expect: so the atomic operation at line 14 does not publish it: put the fence between the two.
// Expect: 1 finding
#include <stdio.h>

__global__ void sum(int* partial, unsigned* count, int* total) {
  __shared__ bool is_last;
  if (threadIdx.x == 0) {
    __threadfence();
    partial[blockIdx.x] = blockIdx.x;
    is_last = atomicInc(count, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last || threadIdx.x != 0) return;
  int all = 0;
  for (int block = 0; block < gridDim.x; block++) all += partial[block];
  *total = all;
}

int main() {
  const int blocks = 10;
  int *partial, *total, result;
  unsigned* count;
  cudaMalloc(&partial, blocks * sizeof(int));
  cudaMalloc(&total, sizeof(int));
  cudaMalloc(&count, sizeof(unsigned));
  cudaMemset(count, 0, sizeof(unsigned));
  sum<<<blocks, 32>>>(partial, count, total);
  cudaMemcpy(&result, total, sizeof(int), cudaMemcpyDeviceToHost);
  printf("sum %d\n", result);
  cudaFree(partial);
  cudaFree(total);
  cudaFree(count);
}
