// Vector addition in managed memory, without a wait before the host reads the result.
// Expect: 1 finding
// Expect: race between the host and a stream: byte
// Expect: no_wait.cu:9: write by kernel add, block (0,0,0)
// Expect: no_wait.cu:22: read by the host
#include <stdio.h>

__global__ void add(int n, const float* x, float* y) {
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] += x[i];
}

int main() {
  const int n = 1000;
  float *x, *y, sum = 0;
  cudaMallocManaged(&x, n * sizeof(float));
  cudaMallocManaged(&y, n * sizeof(float));
  for (int i = 0; i < n; i++) {
    x[i] = 1.0f;
    y[i] = 2.0f;
  }
  add<<<1, 256>>>(n, x, y);
  for (int i = 0; i < n; i++) sum += y[i];
  for (int i = 0; i < n; i++) sum += x[i];  // the kernel reads x as well, which does no harm
  printf("%g\n", sum);
  cudaFree(x);
  cudaFree(y);
}
