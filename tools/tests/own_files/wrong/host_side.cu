// Every kernel is right; the host forgets to free, to check, and to wait.
// Expect: memory that is never freed: an allocation of 4096 bytes
// Expect: cudaMalloc(&leaked, 4096);
// Expect: a call failed, and nothing asked cudaGetLastError() for it: cudaErrorInvalidConfiguration
// Expect: scale<<<1, 2048>>>(a);
// Expect: kernel scale is launched, and nothing waits for it before the program ends
// Expect: 3 findings
#include <stdio.h>

__global__ void scale(float* a) {
  a[threadIdx.x] = 2.0f;
}

int main() {
  float *a, *leaked;
  cudaMalloc(&a, 4096);
  cudaMalloc(&leaked, 4096);
  scale<<<1, 2048>>>(a);
  cudaFree(a);
  scale<<<1, 1024>>>(leaked);
  printf("bye\n");
  return 0;
}
