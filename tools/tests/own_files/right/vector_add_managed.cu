// Vector addition in managed memory: the host fills it, the kernel reads it, no copies.
// Prints: Max error: 0
#include <math.h>
#include <stdio.h>

__global__ void add(int n, const float* x, float* y) {
  int index = blockIdx.x * blockDim.x + threadIdx.x;
  int stride = blockDim.x * gridDim.x;
  for (int i = index; i < n; i += stride) y[i] = x[i] + y[i];
}

int main() {
  int n = 1 << 18;
  float *x, *y;
  cudaMallocManaged(&x, n * sizeof(float));
  cudaMallocManaged(&y, n * sizeof(float));
  for (int i = 0; i < n; i++) {
    x[i] = 1.0f;
    y[i] = 2.0f;
  }

  int block = 256;
  add<<<(n + block - 1) / block, block>>>(n, x, y);
  cudaDeviceSynchronize();

  float worst = 0.0f;
  for (int i = 0; i < n; i++) worst = fmax(worst, fabs(y[i] - 3.0f));
  printf("Max error: %g\n", worst);
  cudaFree(x);
  cudaFree(y);
  return 0;
}
