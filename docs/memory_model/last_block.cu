// A sum in one launch. Each block stores its partial sum and counts itself. The block that is counted last
// adds the partial sums. The fence orders the store before the count; without it the last block may read
// an old partial sum.
// Prints: with the fence: 499500
// Finds: race in device memory in kernel sum
// Finds: 1 finding
#include <cstdio>

template <bool kFence>
__global__ void sum(int* partial, unsigned* count, int* total) {  // partial: (gridDim.x); count, total: (1)
  __shared__ bool is_last;
  if (threadIdx.x == 0) {
    int mine = 0;
    for (int i = blockIdx.x; i < 1000; i += gridDim.x) mine += i;
    partial[blockIdx.x] = mine;
    if (kFence) __threadfence();
    is_last = atomicAdd(count, 1) == gridDim.x - 1;
    if (kFence) __threadfence();
  }
  __syncthreads();
  if (!is_last || threadIdx.x != 0) return;
  *total = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) *total += partial[b];
}

template <bool kFence>
int run() {
  constexpr int kBlocks = 100;
  int total = 0, *device = nullptr;  // partial sums, the count, the total
  cudaMalloc(&device, (kBlocks + 2) * sizeof(int));
  cudaMemset(device, 0, (kBlocks + 2) * sizeof(int));
  sum<kFence><<<kBlocks, 64>>>(device, reinterpret_cast<unsigned*>(device + kBlocks), device + kBlocks + 1);
  cudaMemcpy(&total, device + kBlocks + 1, sizeof(int), cudaMemcpyDeviceToHost);
  cudaFree(device);
  return total;
}

int main() {
  const int with = run<true>();
  std::printf("with the fence: %d\nwithout: %d\n", with, run<false>());
  return with == 499500 ? 0 : 1;
}
