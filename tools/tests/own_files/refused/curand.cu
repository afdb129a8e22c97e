// Expect: curand.cu:2: <curand_kernel.h>: the CPU device has no cuRAND
#include <curand_kernel.h>

__global__ void setup(curandState* state) {
  curand_init(1234, threadIdx.x, 0, &state[threadIdx.x]);
}

int main() {
  return 0;
}
