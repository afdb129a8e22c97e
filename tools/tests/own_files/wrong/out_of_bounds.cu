// A vector addition without a guard: the last block runs past the end of each array.
// Expect: out of bounds in kernel add: 0 bytes past the end of an array of 4000 bytes
// Expect: out_of_bounds.cu:9: read by block (3,0,0), thread (232,0,0)
// Expect: 1 finding
#include <stdio.h>

__global__ void add(const float* a, const float* b, float* c, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  c[i] = a[i] + b[i];
}

int main() {
  const int n = 1000;
  float h[n], *a, *b, *c;
  for (int i = 0; i < n; i++) h[i] = i;
  cudaMalloc(&a, sizeof(h));
  cudaMalloc(&b, sizeof(h));
  cudaMalloc(&c, sizeof(h));
  cudaMemcpy(a, h, sizeof(h), cudaMemcpyHostToDevice);
  cudaMemcpy(b, h, sizeof(h), cudaMemcpyHostToDevice);
  add<<<4, 256>>>(a, b, c, n);
  cudaMemcpy(h, c, sizeof(h), cudaMemcpyDeviceToHost);
  printf("%g %g\n", h[0], h[n - 1]);
  cudaFree(a);
  cudaFree(b);
  cudaFree(c);
}
