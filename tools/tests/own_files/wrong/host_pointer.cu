// A kernel gets a pointer to host memory; the host reads device memory.
// Expect: host memory used by a kernel in kernel fill
// Expect: host_pointer.cu:9: write by block (0,0,0), thread (0,0,0)
// Expect: device memory used by the host
// Expect: host_pointer.cu:22: read by the host
#include <stdio.h>

__global__ void fill(int* a, int n) {
  if (threadIdx.x < n) a[threadIdx.x] = threadIdx.x;
}

int main() {
  int* host = new int[32];
  int* device;
  cudaMalloc(&device, 32 * sizeof(int));
  fill<<<1, 32>>>(host, 32);
  fill<<<1, 32>>>(device, 32);
  cudaDeviceSynchronize();
  int sum = 0;
  for (int i = 0; i < 32; i++) {
    sum += host[i];
    sum += device[i];
  }
  printf("%d\n", sum);
  cudaFree(device);
  delete[] host;
}
