// Rung 8: atomic operations on global and shared memory. Each returns what was there before.
#include <algorithm>

#include "common/simt/tests/ladder.h"

namespace {

template <class T>
__global__ void add_all(T* sum) {
  atomicAdd(sum, static_cast<T>(threadIdx.x));
}

template <class T>
void check_add() {
  EXPECT_EQ(results<T>(1, [](T* p) { add_all<<<50, 256>>>(p); })[0], T(50 * 32640));
}

TEST(Atomics, AddFromManyBlocks) {
  check_add<int>();
  check_add<unsigned>();
  check_add<unsigned long long>();
  check_add<float>();  // every partial sum is a whole number below 2^24
  check_add<double>();
}

__global__ void tickets(int* counter, int* out) {
  out[atomicAdd(counter, 1)] += 1;
}

TEST(Atomics, OldValuesAreAllDifferent) {
  wb::DeviceBuffer<int> counter(1);
  counter.fill_bytes(0);
  EXPECT_EQ(results<int>(3000, [&](int* p) { tickets<<<30, 100>>>(counter.data(), p); }),
            std::vector<int>(3000, 1));
}

template <class T>
__global__ void extremes(T* out) {
  const T value = static_cast<T>((threadIdx.x * 37 + 11) % 256) - static_cast<T>(100);
  atomicMin(&out[0], value);
  atomicMax(&out[1], value);
}

TEST(Atomics, MinMax) {
  EXPECT_EQ(results<int>(2, [](int* p) { extremes<<<1, 256>>>(p); }), (std::vector{-100, 155}));
  EXPECT_EQ(results<unsigned>(2, [](unsigned* p) { extremes<<<1, 256>>>(p); })[1], 4294967295u);
  EXPECT_EQ(results<unsigned long long>(2, [](auto* p) { extremes<<<1, 256>>>(p); })[0], 0ull);
}

__global__ void logic(unsigned* out) {
  const unsigned bit = 1u << threadIdx.x;
  atomicOr(&out[0], bit);
  atomicAnd(&out[1], ~bit);
  atomicXor(&out[2], bit | 1u);
  atomicSub(&out[3], threadIdx.x);
  atomicExch(&out[4], 77u);
  atomicInc(&out[5], 4u);
  atomicDec(&out[6], 4u);
}

TEST(Atomics, Logic) {
  wb::DeviceBuffer<unsigned> out(std::vector<unsigned>{0, 0xffffffffu, 0, 1000, 0, 0, 0});
  logic<<<1, 16>>>(out.data());
  WB_CHECK_LAUNCH();
  // 16 steps through 0..4, up and down.
  EXPECT_EQ(out.download(), (std::vector<unsigned>{0xffffu, 0xffff0000u, 0xfffeu, 880u, 77u, 1u, 4u}));
}

// A maximum of floats, by compare and swap on their bits.
__global__ void maximum(float* out, const float* in, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  int* bits = reinterpret_cast<int*>(out);
  int seen = *bits;
  while (__int_as_float(seen) < in[i]) {
    const int assumed = seen;
    seen = atomicCAS(bits, assumed, __float_as_int(in[i]));
    if (seen == assumed) break;
  }
}

TEST(Atomics, CompareAndSwapLoop) {
  std::vector<float> host(1000);
  for (int i = 0; i < 1000; ++i) host[i] = static_cast<float>(i * 7919 % 1009) * 0.5f;
  wb::DeviceBuffer<float> in(host);
  EXPECT_EQ(results<float>(1, [&](float* p) { maximum<<<4, 256>>>(p, in.data(), 1000); })[0],
            *std::max_element(host.begin(), host.end()));
}

// A lock, taken by one thread of each block.
__global__ void critical_section(int* lock, int* value) {
  if (threadIdx.x == 0) {
    while (atomicCAS(lock, 0, 1) != 0) {
    }
    __threadfence();
    *reinterpret_cast<volatile int*>(value) = *reinterpret_cast<volatile int*>(value) + 1;
    __threadfence();
    atomicExch(lock, 0);
  }
}

TEST(Atomics, Lock) {
  wb::DeviceBuffer<int> lock(1);
  lock.fill_bytes(0);
  EXPECT_EQ(results<int>(1, [&](int* p) { critical_section<<<64, 32>>>(lock.data(), p); })[0], 64);
}

__global__ void histogram(unsigned* out, int n) {
  __shared__ unsigned bins[16];
  if (threadIdx.x < 16) bins[threadIdx.x] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) atomicAdd(&bins[i * i % 16], 1u);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd_block(&out[threadIdx.x], bins[threadIdx.x]);
}

TEST(Atomics, SharedMemoryHistogram) {
  std::vector<unsigned> expected(16);
  for (int i = 0; i < 5000; ++i) ++expected[i * i % 16];
  EXPECT_EQ(results<unsigned>(16, [](unsigned* p) { histogram<<<1, 128>>>(p, 5000); }), expected);
}

}  // namespace
