// The product of two int is an index.
// Expect: overflow of a signed integer in kernel far
// Expect: 70000 * 70000 does not fit into int
#include <stdio.h>

__global__ void far(const int* a, int rows, int* out) {
  int index = rows * rows;
  if (index == 7) *out = *a;
}

int main() {
  int* a;
  cudaMallocManaged(&a, 2 * sizeof(int));
  a[0] = 1;
  far<<<1, 1>>>(a, 70000, a + 1);
  cudaDeviceSynchronize();
  cudaFree(a);
}
