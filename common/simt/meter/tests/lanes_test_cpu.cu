// Which lanes make one request: divergence, loops of different lengths, barriers, atomics.
#include "meter/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kHalf = __LINE__ + 3;
__global__ void half_warps(float* out) {
  if (threadIdx.x % 32 < 16) {
    out[threadIdx.x] = 1;
  } else {
    out[threadIdx.x] = 2;
  }
}
TEST(Lanes, EachSideOfABranchIsARequest) {
  half_warps<<<2, 64>>>(zeros<float>(64));
  const auto found = kernel("half_warps");
  EXPECT_EQ(counts(row(found, kHalf, "global_store")), (Counts{4, 8, 8, 256, 64}));
  EXPECT_EQ(counts(row(found, kHalf + 2, "global_store")), (Counts{4, 8, 8, 256, 64}));
}

constexpr int kTail = __LINE__ + 3;
__global__ void tail(float* out, unsigned n) {
  if (threadIdx.x >= n) return;
  out[threadIdx.x] = 1;
}
TEST(Lanes, TheLastWarpIsShort) {
  tail<<<1, 64>>>(zeros<float>(64), 37);
  EXPECT_EQ(counts(row(kernel("tail"), kTail, "global_store")), (Counts{2, 5, 5, 148, 37}));
}

// Lane i goes through the loop i + 1 times: the k-th pass has 32 - k lanes.
constexpr int kTriangle = __LINE__ + 4;
__global__ void triangle(const float* from, float* out) {
  float sum = 0;
  for (unsigned i = 0; i <= threadIdx.x; ++i) {
    sum += from[i];
  }
  out[threadIdx.x] = sum;
}
TEST(Lanes, LoopsOfDifferentLengths) {
  triangle<<<1, 32>>>(zeros<float>(32), zeros<float>(32));
  EXPECT_EQ(counts(row(kernel("triangle"), kTriangle, "global_load")), (Counts{32, 32, 32, 128, 528}));
}

// After a barrier, lanes that took part before and lanes that did not meet again.
constexpr int kMeet = __LINE__ + 5;
__global__ void meet_again(float* out) {
  for (unsigned turn = 0; turn < 2; ++turn) {
    if (turn == 1 || threadIdx.x < 8) {
      // In the first turn 8 lanes, in the second 32.
      out[threadIdx.x] = static_cast<float>(turn);
    }
    __syncthreads();
  }
}
TEST(Lanes, ABarrierStartsTheCountAgain) {
  meet_again<<<1, 32>>>(zeros<float>(32));
  EXPECT_EQ(counts(row(kernel("meet_again"), kMeet, "global_store")), (Counts{2, 5, 5, 160, 40}));
}

__global__ void meet_in_warp(float* out) {
  for (unsigned turn = 0; turn < 2; ++turn) {
    if (turn == 1 || threadIdx.x % 32 < 8) {
      out[threadIdx.x] = static_cast<float>(turn);
    }
    __syncwarp();
  }
}
constexpr int kMeetWarp = __LINE__ - 5;
TEST(Lanes, SoDoesSyncwarp) {
  meet_in_warp<<<1, 64>>>(zeros<float>(64));
  EXPECT_EQ(counts(row(kernel("meet_in_warp"), kMeetWarp, "global_store")), (Counts{4, 10, 10, 320, 80}));
}

constexpr int kSum = __LINE__ + 4;
__global__ void atomics(float* sum, unsigned* bins) {
  __shared__ unsigned count;
  if (threadIdx.x == 0) count = 0;
  atomicAdd(sum, 1.0f);
  atomicAdd(&bins[threadIdx.x], 1u);
  __syncthreads();
  atomicMax(&count, threadIdx.x);
}
TEST(Lanes, AnAtomicOperationIsOneRequest) {
  atomics<<<1, 32>>>(zeros<float>(1), zeros<unsigned>(32));
  const auto found = kernel("atomics");
  EXPECT_EQ(counts(row(found, kSum, "atomic")), (Counts{1, 1, 1, 4, 32}));
  EXPECT_EQ(counts(row(found, kSum + 1, "atomic")), (Counts{1, 4, 4, 128, 32}));
  EXPECT_EQ(counts(row(found, kSum + 3, "atomic")), (Counts{1, 1, 1, 4, 32}));
  EXPECT_EQ(found["metrics"]["l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"], 0);
}

constexpr int kLong = __LINE__ + 3;
__global__ void long_loop(float* data, unsigned passes) {
  for (unsigned i = 0; i < passes; ++i) {
    data[i % 2] = 1;
  }
}
TEST(Lanes, WhatALongLoopLeavesOutIsTold) {
  constexpr unsigned kMost = 1u << 17;
  long_loop<<<1, 2>>>(zeros<float>(2), kMost + 5);
  const auto found = kernel("long_loop");
  EXPECT_EQ(found["left_out"], 10);
  EXPECT_EQ(counts(row(found, kLong, "global_store")), (Counts{kMost, kMost, kMost, 4 * kMost, 2 * kMost}));
  EXPECT_EQ(kernel("tail")["left_out"], 0);
}

// The name of a kernel that is launched through a pointer, and of an array that comes in a structure.
struct Slice {
  long stride;
  float* data;
};
constexpr int kSlice = __LINE__ + 3;
template <int kFactor>
__global__ void through_pointer(float factor, Slice slice) {
  slice.data[threadIdx.x * slice.stride] = kFactor * factor;
}
TEST(Lanes, NamesBehindPointersAndStructures) {
  const auto kernel_to_launch = through_pointer<3>;
  kernel_to_launch<<<1, 32>>>(2.0f, Slice{2, zeros<float>(64)});
  const auto found = row(kernel("through_pointer<3>"), kSlice, "global_store");
  EXPECT_EQ(found["array"], "slice");
  EXPECT_EQ(counts(found), (Counts{1, 8, 4, 128, 32}));
}

// Local arrays and constants are not counted.
__constant__ float table[4] = {1, 2, 3, 4};
__global__ void locals(float* out) {
  float local[8];
  for (unsigned i = 0; i < 8; ++i) local[(i * threadIdx.x) % 8] = table[i % 4];
  out[threadIdx.x] = local[threadIdx.x % 8];
}
TEST(Lanes, LocalArraysAndConstantsAreLeftOut) {
  locals<<<1, 32>>>(zeros<float>(32));
  const auto found = kernel("locals");
  EXPECT_EQ(found["lines"].size(), 1u) << found.dump(1);
}

}  // namespace
