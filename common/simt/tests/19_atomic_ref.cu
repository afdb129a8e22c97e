// Rung 19: cuda::atomic_ref, with orders and scopes. Each operation returns what was there before.
#include <cuda/atomic>

#include "common/simt/tests/ladder.h"

namespace {

template <class T>
using Device = cuda::atomic_ref<T, cuda::thread_scope_device>;

template <class T>
__global__ void add_all(T* sum) {
  Device<T>(*sum).fetch_add(static_cast<T>(threadIdx.x), cuda::memory_order_relaxed);
}

TEST(AtomicRef, AddsFromManyBlocks) {
  EXPECT_EQ(results<int>(1, [](int* p) { add_all<<<50, 256>>>(p); })[0], 50 * 32640);
  EXPECT_EQ(results<unsigned long long>(1, [](auto* p) { add_all<<<50, 256>>>(p); })[0], 50ull * 32640);
  EXPECT_EQ(results<float>(1, [](float* p) { add_all<<<50, 256>>>(p); })[0], 50 * 32640.0f);
}

__global__ void every_operation(int* out) {
  cuda::atomic_ref<int, cuda::thread_scope_block> cell(out[0]);
  int* old = out + 1;
  cell.store(5);
  old[0] = cell.fetch_sub(2);                              // 3
  old[1] = cell.exchange(12, cuda::memory_order_acq_rel);  // 12
  old[2] = cell.fetch_and(10);                             // 8
  old[3] = cell.fetch_or(3);                               // 11
  old[4] = cell.fetch_xor(1);                              // 10
  old[5] = cell.fetch_min(7);                              // 7
  old[6] = cell.fetch_max(20);                             // 20
  int expected = 19;
  old[7] = cell.compare_exchange_strong(expected, 1);  // fails, and says 20
  old[8] = expected;
  while (!cell.compare_exchange_weak(expected, 21, cuda::memory_order_release, cuda::memory_order_relaxed)) {
  }
  old[9] = cell++;      // 22
  old[10] = ++cell;     // 23
  old[11] = cell += 2;  // 25
  old[12] = cell.load(cuda::memory_order_acquire);
  old[13] = cell = 30;
  old[14] = cell;
}

TEST(AtomicRef, ReturnsTheOldValueOfEveryOperation) {
  EXPECT_EQ(results<int>(16, [](int* p) { every_operation<<<1, 1>>>(p); }),
            (std::vector<int>{30, 5, 3, 12, 8, 11, 10, 7, 0, 20, 21, 23, 25, 25, 30, 30}));
}

// One thread of the block waits for another one of the same warp.
__global__ void pass_a_message(int* out) {
  const Device<int> flag(out[0]);
  if (threadIdx.x == 0) {
    while (flag.load(cuda::memory_order_acquire) == 0) {
    }
    out[2] = out[1];
  } else {
    out[1] = 42;
    flag.store(1, cuda::memory_order_release);
  }
}

TEST(AtomicRef, PassesAMessageBetweenLanes) {
  EXPECT_EQ(results<int>(3, [](int* p) { pass_a_message<<<1, 2>>>(p); }), (std::vector<int>{1, 42, 42}));
}

__global__ void fenced_message(int* out) {
  const Device<int> flag(out[0]);
  if (threadIdx.x == 0) {
    while (flag.load(cuda::memory_order_relaxed) == 0) {
    }
    cuda::atomic_thread_fence(cuda::memory_order_acquire, cuda::thread_scope_device);
    out[2] = out[1];
  } else {
    out[1] = 42;
    cuda::atomic_thread_fence(cuda::memory_order_release, cuda::thread_scope_device);
    flag.store(1, cuda::memory_order_relaxed);
  }
}

TEST(AtomicRef, PassesAMessageWithFences) {
  EXPECT_EQ(results<int>(3, [](int* p) { fenced_message<<<1, 2>>>(p); }), (std::vector<int>{1, 42, 42}));
}

}  // namespace
