// All threads add to one element without an atomic operation; a vector access at an odd address.
// Expect: race in device memory in kernel sum
// Expect: global_race.cu:9:
// Expect: use an atomic operation
// Expect: misaligned access in kernel pairs
#include <stdio.h>

__global__ void sum(const float* a, float* total) {
  *total += a[threadIdx.x];
}

__global__ void pairs(float* a) {
  float2* two = reinterpret_cast<float2*>(a + 1);
  two[threadIdx.x] = make_float2(1, 2);
}

int main() {
  float h[64] = {}, *d;
  cudaMalloc(&d, sizeof(h));
  cudaMemcpy(d, h, sizeof(h), cudaMemcpyHostToDevice);
  sum<<<2, 16>>>(d + 1, d);
  pairs<<<1, 8>>>(d);
  cudaDeviceSynchronize();
  cudaFree(d);
}
