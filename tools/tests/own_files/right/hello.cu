// printf and assert in a kernel.
// Prints: Hello from thread 0
// Prints: done
#include <assert.h>
#include <stdio.h>

__global__ void hello() {
  assert(blockDim.x == 4);
  printf("Hello from thread %d\n", threadIdx.x);
}

int main() {
  hello<<<1, 4>>>();
  cudaDeviceSynchronize();
  printf("done\n");
  return 0;
}
