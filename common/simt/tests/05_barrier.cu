// Rung 5: the barrier of a block. Plain, voting, in loops, with threads that have
// returned; fences between blocks.
#include "common/simt/tests/ladder.h"

namespace {

// Every step reads what the others wrote in the step before.
__global__ void rotate_often(int* out, int steps) {
  __shared__ int ring[96];
  ring[threadIdx.x] = threadIdx.x;
  __syncthreads();
  for (int step = 0; step < steps; ++step) {
    const int next = ring[(threadIdx.x + 1) % 96];
    __syncthreads();
    ring[threadIdx.x] = next;
    __syncthreads();
  }
  out[blockIdx.x * 96 + threadIdx.x] = ring[threadIdx.x];
}

TEST(Barrier, InALoop) {
  const auto out = results<int>(96 * 5, [](int* p) { rotate_often<<<5, 96>>>(p, 17); });
  for (int i = 0; i < 96 * 5; ++i) ASSERT_EQ(out[i], (i % 96 + 17) % 96);
}

__global__ void vote(int* out, int limit) {
  const int mine = static_cast<int>(threadIdx.x) < limit;
  const int count = __syncthreads_count(mine);
  const int all = __syncthreads_and(mine);
  const int any = __syncthreads_or(mine);
  out[threadIdx.x] = count * 100 + (all != 0) * 10 + (any != 0);
}

TEST(Barrier, Votes) {
  EXPECT_EQ(results<int>(70, [](int* p) { vote<<<1, 70>>>(p, 7); }), std::vector<int>(70, 701));
  EXPECT_EQ(results<int>(70, [](int* p) { vote<<<1, 70>>>(p, 70); }), std::vector<int>(70, 7011));
  EXPECT_EQ(results<int>(70, [](int* p) { vote<<<1, 70>>>(p, 0); }), std::vector<int>(70, 0));
}

// Nobody waits for threads that have returned.
__global__ void early_return(int* out, int n) {
  __shared__ int total;
  if (threadIdx.x == 0) total = 0;
  __syncthreads();
  if (static_cast<int>(threadIdx.x) >= n) return;
  atomicAdd(&total, 1);
  __syncthreads();
  out[threadIdx.x] = total;
}

TEST(Barrier, ReturnedThreadsAreNotWaitedFor) {
  EXPECT_EQ(results<int>(40, [](int* p) { early_return<<<1, 128>>>(p, 40); }), std::vector<int>(40, 40));
}

__global__ void nested(int* out) {
  __shared__ int value;
  if (blockIdx.x % 2 == 0) {  // the whole block goes one way
    if (threadIdx.x == 0) value = 5;
    __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = value;
  }
}

TEST(Barrier, InABranchThatTheWholeBlockTakes) {
  const auto out = results<int>(4 * 64, [](int* p) { nested<<<4, 64>>>(p); });
  for (int i = 0; i < 4 * 64; ++i) ASSERT_EQ(out[i], i / 64 % 2 == 0 ? 5 : 0);
}

// The last block to finish adds up what the others left behind: fence, then count.
__global__ void two_stage_sum(const int* in, int* partial, unsigned* done, int* out) {
  __shared__ bool last;
  __shared__ int sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, in[blockIdx.x * blockDim.x + threadIdx.x]);
  __syncthreads();
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    __threadfence();
    last = atomicInc(done, gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (last && threadIdx.x == 0) {
    int total = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) total += reinterpret_cast<volatile int*>(partial)[i];
    *out = total;
    __threadfence_block();
    __threadfence_system();
  }
}

TEST(Barrier, FenceBetweenBlocks) {
  std::vector<int> host(64 * 50);
  int expected = 0;
  for (std::size_t i = 0; i < host.size(); ++i) expected += host[i] = static_cast<int>(i * 7 % 13);
  wb::DeviceBuffer<int> in(host), partial(50);
  wb::DeviceBuffer<unsigned> done(1);
  done.fill_bytes(0);
  const auto out =
      results<int>(1, [&](int* p) { two_stage_sum<<<50, 64>>>(in.data(), partial.data(), done.data(), p); });
  EXPECT_EQ(out[0], expected);
}

}  // namespace
