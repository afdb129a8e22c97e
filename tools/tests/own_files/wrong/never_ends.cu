// Waits for a flag that the next thread would set, and no barrier lets that one run; the array is too small.
// Expect: out of bounds in kernel wait
// Expect: never_ends.cu:9: write by
// Expect: up to the moment at which the program was stopped
#include <stdio.h>

__global__ void wait(volatile int* flag) {
  if (threadIdx.x == 0) {
    flag[1] = 1;
    while (flag[0] == 0) {
    }
  } else {
    flag[0] = 1;
  }
}

int main() {
  int* flag;
  cudaMalloc(&flag, sizeof(int));
  cudaMemset(flag, 0, sizeof(int));
  wait<<<1, 2>>>(flag);
  cudaDeviceSynchronize();
  cudaFree(flag);
}
