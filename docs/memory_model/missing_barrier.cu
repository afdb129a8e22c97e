// Each thread writes an element of a tile and reads the one before it. Without a barrier between the two,
// the result depends on which warp is first. Every launch has other numbers, because a tile may still hold
// those of the launch before.
// Prints: with a barrier: 0 wrong
// On the CPU device: without: 0 wrong
// In reverse order: without: 255 wrong
// Finds: race in shared memory in kernel shift
// Finds: 1 finding
#include <cstdio>

constexpr int kThreads = 256;

template <class T, bool kBarrier>
__global__ void shift(int* out, int base, long long delay) {  // out: (kThreads)
  __shared__ T tile[kThreads];
  const int t = threadIdx.x;
  // Other work, of which warps 0, 2, 4 and 6 have more.
  if (t / 32 % 2 == 0) {
    for (const long long start = clock64(); clock64() - start < delay;) {
    }
  }
  tile[t] = base + t;
  if (kBarrier) __syncthreads();
  out[t] = t == 0 ? 0 : tile[t - 1];
}

template <class T, bool kBarrier>
int wrong(int* out, int base, long long delay) {
  int host[kThreads], count = 0;
  shift<T, kBarrier><<<1, kThreads>>>(out, base, delay);
  cudaMemcpy(host, out, sizeof(host), cudaMemcpyDeviceToHost);
  for (int t = 1; t < kThreads; ++t) count += host[t] != base + t - 1;
  return count;
}

int main() {
  int* out = nullptr;
  cudaMalloc(&out, kThreads * sizeof(int));
  const int with = wrong<int, true>(out, 1000, 20000);
  std::printf("with a barrier: %d wrong\n", with);
  std::printf("without: %d wrong\n", wrong<int, false>(out, 2000, 0));
  // A compiler may not exchange accesses that are volatile.
  std::printf("volatile: %d wrong\n", wrong<volatile int, false>(out, 3000, 0));
  std::printf("volatile, some warps later: %d wrong\n", wrong<volatile int, false>(out, 4000, 20000));
  cudaFree(out);
  return with == 0 ? 0 : 1;
}
