// A writer stores a number, then sets a flag. A reader waits for the flag, then loads the number. Nothing
// orders the two accesses of a thread in `plain` and `relaxed`. Fences, or a release and an acquire, order
// them.
// Prints: fences: 0 stale of 256
// Prints: release, acquire: 0 stale of 256
// Finds: race in device memory in kernel pass
// Finds: 1 finding
#include <cstdio>
#include <cuda/atomic>

enum Order { kPlain, kRelaxed, kFences, kReleaseAcquire };

constexpr int kPairs = 8, kThreads = 32, kPolls = 20000;
using Cell = cuda::atomic_ref<int, cuda::thread_scope_device>;

struct Message {
  int number, neighbor, unused[30], flag, ready,
      rest[30];  // The flag is 128 bytes from the number, in another line.
};

// A reader gives up where the two blocks do not run at the same time.
__device__ bool wait_for(int& flag, cuda::memory_order order) {
  for (int i = 0; i < kPolls; ++i) {
    if (Cell(flag).load(order) == 1) return true;
  }
  return false;
}

template <Order kOrder>
__global__ void pass(Message* messages, int* stale) {  // messages: (kPairs * kThreads); stale: (1)
  Message& message = messages[blockIdx.x / 2 * kThreads + threadIdx.x];
  int& ready = messages[blockIdx.x / 2 * kThreads].ready;
  if (blockIdx.x % 2 == 0) {
    if (threadIdx.x == 0) wait_for(ready, cuda::memory_order_relaxed);
    __syncthreads();
    if (kOrder == kRelaxed) {
      Cell(message.number).store(42, cuda::memory_order_relaxed);
    } else {
      message.number = 42;
    }
    if (kOrder == kFences) __threadfence();
    Cell(message.flag)
        .store(1, kOrder == kReleaseAcquire ? cuda::memory_order_release : cuda::memory_order_relaxed);
  } else {
    // The neighbor's sector, with the number as it is now, comes into the L1 cache of this multiprocessor.
    const int neighbor = message.neighbor;
    __syncthreads();
    if (threadIdx.x == 0) Cell(ready).store(1, cuda::memory_order_relaxed);
    if (!wait_for(message.flag,
                  kOrder == kReleaseAcquire ? cuda::memory_order_acquire : cuda::memory_order_relaxed))
      return;
    if (kOrder == kFences) __threadfence();
    const int number =
        kOrder == kRelaxed ? Cell(message.number).load(cuda::memory_order_relaxed) : message.number;
    if (number + neighbor != 42) atomicAdd(stale, 1);
  }
}

template <Order kOrder>
int count(const char* name) {
  constexpr std::size_t kBytes = kPairs * kThreads * sizeof(Message);
  Message* messages = nullptr;
  int *stale = nullptr, host = 0;
  cudaMalloc(&messages, kBytes);
  cudaMalloc(&stale, sizeof(int));
  cudaMemset(messages, 0, kBytes);
  cudaMemset(stale, 0, sizeof(int));
  pass<kOrder><<<2 * kPairs, kThreads>>>(messages, stale);
  cudaMemcpy(&host, stale, sizeof(int), cudaMemcpyDeviceToHost);
  cudaFree(messages);
  cudaFree(stale);
  std::printf("%s: %d stale of %d\n", name, host, kPairs * kThreads);
  return host;
}

int main() {
  count<kPlain>("plain");
  count<kRelaxed>("relaxed");
  const int fences = count<kFences>("fences"), ordered = count<kReleaseAcquire>("release, acquire");
  return fences == 0 && ordered == 0 ? 0 : 1;
}
