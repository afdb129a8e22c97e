// Addition of doubles by compare-and-swap, as it is written for GPUs before compute capability 6.0.
// Prints: 192 and 64
#include <stdio.h>

__device__ double add_by_comparing(double* address, double value) {
  unsigned long long* bits = (unsigned long long*)address;
  unsigned long long old = *bits, assumed;
  do {
    assumed = old;
    old = atomicCAS(bits, assumed, __double_as_longlong(value + __longlong_as_double(assumed)));
  } while (assumed != old);
  return __longlong_as_double(old);
}

__global__ void sum(double* totals) {
  add_by_comparing(&totals[0], 0.75);
  atomicAdd(&totals[1], 0.25);
}

int main() {
  double host[2] = {0, 0}, *device;
  cudaMalloc(&device, sizeof(host));
  cudaMemcpy(device, host, sizeof(host), cudaMemcpyHostToDevice);
  sum<<<4, 64>>>(device);
  cudaMemcpy(host, device, sizeof(host), cudaMemcpyDeviceToHost);
  printf("%g and %g\n", host[0], host[1]);
  cudaFree(device);
}
