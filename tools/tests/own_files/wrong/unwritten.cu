// Counts are added to memory that nobody has cleared.
// Expect: read of memory that was never written in kernel count
// Expect: unwritten.cu:8: atomic by
// Expect: Set the memory to a start value before kernels add to it
#include <stdio.h>

__global__ void count(const int* numbers, int* counts, int n) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) atomicAdd(&counts[numbers[i] % 4], 1);
}

int main() {
  int numbers[100], h_counts[4], *d_numbers, *d_counts;
  for (int i = 0; i < 100; i++) numbers[i] = i;
  cudaMalloc(&d_numbers, sizeof(numbers));
  cudaMalloc(&d_counts, sizeof(h_counts));
  cudaMemcpy(d_numbers, numbers, sizeof(numbers), cudaMemcpyHostToDevice);
  count<<<1, 32>>>(d_numbers, d_counts, 100);
  cudaMemcpy(h_counts, d_counts, sizeof(h_counts), cudaMemcpyDeviceToHost);
  printf("%d\n", h_counts[0]);
  cudaFree(d_numbers);
  cudaFree(d_counts);
}
