// Expect: ptx.cu:6: the CPU device (simt) has no inline PTX. Write it without, or run the file where a GPU
#include <stdio.h>

__global__ void lane() {
  int id;
  asm("mov.u32 %0, %laneid;" : "=r"(id));
  printf("%d\n", id);
}

int main() {
  lane<<<1, 32>>>();
  cudaDeviceSynchronize();
}
