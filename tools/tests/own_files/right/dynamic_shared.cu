// Dynamic shared memory: an array is reversed, and two arrays of different types share one allocation.
// Prints: 0 wrong
#include <stdio.h>

__global__ void dynamicReverse(int* d, int n) {
  extern __shared__ int s[];
  int t = threadIdx.x;
  s[t] = d[t];
  __syncthreads();
  d[t] = s[n - t - 1];
}

__global__ void twoArrays(double* out, int n) {
  extern __shared__ unsigned char memory[];
  double* values = reinterpret_cast<double*>(memory);
  int* indices = reinterpret_cast<int*>(values + n);
  int t = threadIdx.x;
  values[t] = 0.25 * t;
  indices[t] = (t + 5) % n;
  __syncthreads();
  out[t] = values[indices[t]];
}

int main() {
  const int n = 64;
  int numbers[n], wrong = 0, *d_numbers;
  double moved[n], *d_moved;
  for (int i = 0; i < n; i++) numbers[i] = i;
  cudaMalloc(&d_numbers, n * sizeof(int));
  cudaMalloc(&d_moved, n * sizeof(double));
  cudaMemcpy(d_numbers, numbers, n * sizeof(int), cudaMemcpyHostToDevice);
  dynamicReverse<<<1, n, n * sizeof(int)>>>(d_numbers, n);
  twoArrays<<<1, n, n*(sizeof(double) + sizeof(int))>>>(d_moved, n);
  cudaMemcpy(numbers, d_numbers, n * sizeof(int), cudaMemcpyDeviceToHost);
  cudaMemcpy(moved, d_moved, n * sizeof(double), cudaMemcpyDeviceToHost);
  for (int i = 0; i < n; i++) wrong += numbers[i] != n - 1 - i || moved[i] != 0.25 * ((i + 5) % n);
  printf("%d wrong\n", wrong);
  cudaFree(d_numbers);
  cudaFree(d_moved);
  return wrong;
}
