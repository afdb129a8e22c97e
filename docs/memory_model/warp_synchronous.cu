// The sum of 32 numbers by one warp, in shared memory. `lockstep` assumes that all lanes execute a line
// before any lane executes the next one, as code from before 2017 does. `synchronized` does not.
// Prints: with __syncwarp: 496
// On the CPU device: without: 31
// In reverse order: without: 31
// Finds: race in shared memory in kernel lockstep: byte 4 of the 128 bytes of shared cell (15 times)
// Finds: 1 finding
#include <cstdio>

__global__ void lockstep(int* out) {  // out: (1)
  __shared__ volatile int cell[32];
  const int lane = threadIdx.x;
  cell[lane] = lane;
  __syncwarp();
  for (int delta = 16; delta > 0; delta /= 2) {
    if (lane < 16) cell[lane] = cell[lane] + cell[lane + delta];
  }
  if (lane == 0) *out = cell[0];
}

__global__ void synchronized(int* out) {  // out: (1)
  __shared__ int cell[32];
  const int lane = threadIdx.x;
  int sum = lane;
  cell[lane] = sum;
  __syncwarp();
  for (int delta = 16; delta > 0; delta /= 2) {
    if (lane < 16) sum += cell[lane + delta];
    __syncwarp();
    cell[lane] = sum;
    __syncwarp();
  }
  if (lane == 0) *out = cell[0];
}

int main() {
  int sums[2] = {}, *out = nullptr;
  cudaMalloc(&out, sizeof(sums));
  synchronized<<<1, 32>>>(out);
  lockstep<<<1, 32>>>(out + 1);
  cudaMemcpy(sums, out, sizeof(sums), cudaMemcpyDeviceToHost);
  cudaFree(out);
  std::printf("with __syncwarp: %d\nwithout: %d\n", sums[0], sums[1]);
  return sums[0] == 496 ? 0 : 1;
}
