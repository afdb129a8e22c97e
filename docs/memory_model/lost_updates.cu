// Many threads add 1 to one number. `volatile` makes each thread load and store the number. It does not
// make the load and the store one step.
// Prints: atomicAdd: 262144 of 262144
// Finds: race in device memory in kernel add_volatile
// Finds: 1 finding
#include <cstdio>

__global__ void add_atomically(int* sum) {  // sum: (1)
  atomicAdd(sum, 1);
}

__global__ void add_volatile(volatile int* sum) {  // sum: (1)
  *sum = *sum + 1;
}

int main() {
  constexpr int kBlocks = 1024, kThreads = 256;
  int sums[2] = {}, *device = nullptr;
  cudaMalloc(&device, sizeof(sums));
  cudaMemset(device, 0, sizeof(sums));
  add_atomically<<<kBlocks, kThreads>>>(device);
  add_volatile<<<kBlocks, kThreads>>>(device + 1);
  cudaMemcpy(sums, device, sizeof(sums), cudaMemcpyDeviceToHost);
  cudaFree(device);
  std::printf("atomicAdd: %d of %d\nvolatile: %d of %d\n", sums[0], kBlocks * kThreads, sums[1],
              kBlocks * kThreads);
  return sums[0] == kBlocks * kThreads ? 0 : 1;
}
