// The sum of an array: a tree in shared memory per block, then the host adds the blocks' sums.
// Prints: sum = 49995000, expected 49995000
#include <stdio.h>
#include <stdlib.h>

const int kThreads = 128;

__global__ void reduce(const int* in, int* out, int n) {
  __shared__ int partial[kThreads];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  partial[threadIdx.x] = i < n ? in[i] : 0;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] += partial[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
}

int main() {
  const int n = 10000, blocks = (n + kThreads - 1) / kThreads;
  int* numbers = (int*)malloc(n * sizeof(int));
  int sums[blocks], *d_in, *d_out;
  for (int i = 0; i < n; i++) numbers[i] = i;
  cudaMalloc(&d_in, n * sizeof(int));
  cudaMalloc(&d_out, blocks * sizeof(int));
  cudaMemcpy(d_in, numbers, n * sizeof(int), cudaMemcpyHostToDevice);
  reduce<<<blocks, kThreads>>>(d_in, d_out, n);
  cudaMemcpy(sums, d_out, sizeof(sums), cudaMemcpyDeviceToHost);
  int total = 0;
  for (int i = 0; i < blocks; i++) total += sums[i];
  printf("sum = %d, expected %d\n", total, n / 2 * (n - 1));
  cudaFree(d_in);
  cudaFree(d_out);
  free(numbers);
}
