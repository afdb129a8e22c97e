// A barrier that half of the block never reaches: the kernel fails, and the program checks for it.
// Expect: a kernel failed: kernel half, block (0,0,0): divergent barrier: 16 threads wait in __syncthreads at
// divergent.cu:8 Expect: 1 finding
#include <stdio.h>

__global__ void half() {
  if (threadIdx.x < 16) {
    __syncthreads();
  } else if (threadIdx.x == 20) {
    __syncthreads();
  }
}

int main() {
  half<<<1, 32>>>();
  cudaError_t error = cudaDeviceSynchronize();
  printf("%s\n", cudaGetErrorString(error));
  return error == cudaSuccess ? 1 : 0;
}
