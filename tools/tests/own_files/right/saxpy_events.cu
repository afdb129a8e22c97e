// SAXPY, timed with events. The time goes to standard error, so that the output is the same on every machine.
// Prints: Max error: 0.000000
#include <stdio.h>

#include <algorithm>
#include <cmath>

__global__ void saxpy(int n, float a, float* x, float* y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}

int main(void) {
  int N = 200 * 1024;
  float *x = new float[N], *y = new float[N], *d_x, *d_y;
  cudaMalloc(&d_x, N * sizeof(float));
  cudaMalloc(&d_y, N * sizeof(float));
  for (int i = 0; i < N; i++) {
    x[i] = 1.0f;
    y[i] = 2.0f;
  }
  cudaEvent_t start, stop;
  cudaEventCreate(&start);
  cudaEventCreate(&stop);
  cudaMemcpy(d_x, x, N * sizeof(float), cudaMemcpyHostToDevice);
  cudaMemcpy(d_y, y, N * sizeof(float), cudaMemcpyHostToDevice);
  cudaEventRecord(start);
  saxpy<<<(N + 511) / 512, 512>>>(N, 2.0f, d_x, d_y);
  cudaEventRecord(stop);
  cudaMemcpy(y, d_y, N * sizeof(float), cudaMemcpyDeviceToHost);
  cudaEventSynchronize(stop);
  float milliseconds = 0;
  cudaEventElapsedTime(&milliseconds, start, stop);
  float maxError = 0.0f;
  for (int i = 0; i < N; i++) maxError = std::max(maxError, std::abs(y[i] - 4.0f));
  printf("Max error: %f\n", maxError);
  fprintf(stderr, "Effective bandwidth (GB/s): %f\n", N * 4.0 * 3 / milliseconds / 1e6);
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  cudaFree(d_x);
  cudaFree(d_y);
  delete[] x;
  delete[] y;
}
