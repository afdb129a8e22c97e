// A one-dimensional stencil whose coefficients are in constant memory.
// Prints: out[0] = 48, out[1023] = 96, sum = 73728
#include <stdio.h>

#define RADIUS 3
#define BLOCK_SIZE 64

__constant__ float coefficients[2 * RADIUS + 1];

__global__ void stencil_1d(const float* in, float* out, int n) {
  __shared__ float temp[BLOCK_SIZE + 2 * RADIUS];
  int gindex = threadIdx.x + blockIdx.x * blockDim.x + RADIUS;
  int lindex = threadIdx.x + RADIUS;
  temp[lindex] = gindex < n + RADIUS ? in[gindex] : 0.0f;
  if (threadIdx.x < RADIUS) {
    temp[lindex - RADIUS] = in[gindex - RADIUS];
    temp[lindex + BLOCK_SIZE] = gindex + BLOCK_SIZE < n + 2 * RADIUS ? in[gindex + BLOCK_SIZE] : 0.0f;
  }
  __syncthreads();
  float result = 0;
  for (int offset = -RADIUS; offset <= RADIUS; offset++)
    result += coefficients[offset + RADIUS] * temp[lindex + offset];
  if (gindex < n + RADIUS) out[gindex - RADIUS] = result;
}

int main(void) {
  const int n = 1024;
  float in[n + 2 * RADIUS], out[n], h_coefficients[2 * RADIUS + 1] = {1, 2, 3, 4, 3, 2, 1};
  for (int i = 0; i < n + 2 * RADIUS; i++) in[i] = i % 10;
  float *d_in, *d_out;
  cudaMalloc((void**)&d_in, sizeof(in));
  cudaMalloc((void**)&d_out, sizeof(out));
  cudaMemcpy(d_in, in, sizeof(in), cudaMemcpyHostToDevice);
  cudaMemcpyToSymbol(coefficients, h_coefficients, sizeof(h_coefficients));
  stencil_1d<<<n / BLOCK_SIZE, BLOCK_SIZE>>>(d_in, d_out, n);
  cudaMemcpy(out, d_out, sizeof(out), cudaMemcpyDeviceToHost);
  double sum = 0;
  for (int i = 0; i < n; i++) sum += out[i];
  printf("out[0] = %g, out[%d] = %g, sum = %g\n", out[0], n - 1, out[n - 1], sum);
  cudaFree(d_in);
  cudaFree(d_out);
  return 0;
}
