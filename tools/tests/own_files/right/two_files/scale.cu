// A kernel, and a function for host code that launches it.
#include "scale.h"

static __global__ void scale_kernel(float* values, int count, float factor) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) values[i] *= factor;
}

void scale(float* values, int count, float factor) {
  scale_kernel<<<(count + 31) / 32, 32>>>(values, count, factor);
}
