// Host code in C++; the kernel and its launch are in scale.cu.
#include <cuda_runtime.h>

#include <cstdio>

#include "scale.h"

int main(int argc, char** argv) {
  float values[4] = {1, 2, 3, 4}, *device;
  cudaMalloc(&device, sizeof(values));
  cudaMemcpy(device, values, sizeof(values), cudaMemcpyHostToDevice);
  scale(device, 4, FACTOR);
  cudaMemcpy(values, device, sizeof(values), cudaMemcpyDeviceToHost);
  cudaFree(device);
  std::printf("%g %g %g %g", values[0], values[1], values[2], values[3]);
  for (int i = 1; i < argc; ++i) std::printf(" [%s]", argv[i]);
  std::printf("\n");
  for (int letter; (letter = std::getchar()) != EOF;) std::putchar(letter);
  return 3;
}
