// Races in shared memory: each must be found in whatever order the threads run, and what looks like one must
// not.
#include <cuda_fp16.h>

#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kMissing = __LINE__ + 4;
__global__ void missing_barrier(float* out) {
  __shared__ float tile[64];
  const int i = threadIdx.x;
  tile[i] = i;
  out[i] = tile[63 - i];
}
TEST(SharedRace, MissingBarrier) {
  const auto found = findings([] { missing_barrier<<<2, 64>>>(zeros<float>(64)); });
  ASSERT_FALSE(found.empty());
  EXPECT_NE(all(found).find("tile"), std::string::npos) << all(found);
  for (const auto& finding : found) {
    if (finding.what != What::kSharedRace) continue;
    EXPECT_EQ(finding.parties[0].line + finding.parties[1].line, 2 * kMissing + 1) << all(found);
    return;
  }
  FAIL() << all(found);
}

__global__ void with_barrier(float* out) {
  __shared__ float tile[64];
  const int i = threadIdx.x;
  tile[i] = i;
  __syncthreads();
  out[blockIdx.x * 64 + i] = tile[63 - i];
}
TEST(SharedRace, ABarrierOrders) {
  EXPECT_CLEAN([] { with_barrier<<<2, 64>>>(zeros<float>(128)); });
}

// A class that has constructors: the compiler keeps a note that the array was initialized.
__global__ void with_pairs(float* out) {
  __shared__ half2 tile[64];
  tile[threadIdx.x] = __float2half2_rn(1.0f);
  __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = __low2float(tile[63 - threadIdx.x]);
}
TEST(SharedRace, TheNoteThatAnArrayWasInitializedIsNoMemoryOfTheKernel) {
  EXPECT_CLEAN([] { with_pairs<<<2, 64>>>(zeros<float>(128)); });
}

constexpr int kReuseWrite = __LINE__ + 7;
constexpr int kReuseRead = kReuseWrite + 2;
__global__ void reused_too_early(const float* in, float* out) {
  __shared__ float tile[64];
  const int i = threadIdx.x;
  float sum = 0;
  for (int k = 0; k < 4; ++k) {
    tile[i] = in[k * 64 + i];
    __syncthreads();
    sum += tile[(i + 32) % 64];
  }
  out[i] = sum;
}
TEST(SharedRace, MissingBarrierAtTheEndOfALoop) {
  const auto found = findings([] { reused_too_early<<<1, 64>>>(zeros<float>(256), zeros<float>(64)); });
  expect_only(found, What::kSharedRace, {kReuseWrite, kReuseRead});
}

constexpr int kOneSlot = __LINE__ + 4;
__global__ void one_slot(float* out) {
  __shared__ float sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  sum += threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = sum;
}
TEST(SharedRace, PlainAddition) {
  const auto found = findings([] { one_slot<<<1, 32>>>(zeros<float>(32)); });
  ASSERT_FALSE(found.empty());
  for (const auto& finding : found) {
    EXPECT_EQ(finding.what, What::kSharedRace) << all(found);
    for (const auto& party : finding.parties) EXPECT_EQ(party.line, kOneSlot + 1) << all(found);
  }
}

__global__ void atomic_slot(float* out) {
  __shared__ float sum;
  if (threadIdx.x == 0) sum = 0;
  __syncthreads();
  atomicAdd(&sum, 1.0f);
  __syncthreads();
  out[threadIdx.x] = sum;
}
TEST(SharedRace, AtomicAdditionIsNone) {
  EXPECT_CLEAN([] { atomic_slot<<<1, 64>>>(zeros<float>(64)); });
}

constexpr int kMixed = __LINE__ + 5;
__global__ void atomic_and_read(int* out) {
  __shared__ int count;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  atomicAdd(&count, 1);
  out[threadIdx.x] = count;
}
TEST(SharedRace, AtomicAdditionAndPlainRead) {
  expect_only(findings([] { atomic_and_read<<<1, 64>>>(zeros<int>(64)); }), What::kSharedRace,
              {kMixed, kMixed + 1});
}

constexpr int kLanes = __LINE__ + 4;
__global__ void lanes(float* out) {
  __shared__ float tile[32];
  const int i = threadIdx.x;
  tile[i] = i;
  out[i] = tile[31 - i];
}
TEST(SharedRace, LanesOfAWarpAreNotInStep) {
  expect_only(findings([] { lanes<<<1, 32>>>(zeros<float>(32)); }), What::kSharedRace, {kLanes, kLanes + 1});
}

__global__ void synced_lanes(float* out) {
  __shared__ float tile[64];
  const int i = threadIdx.x;
  tile[i] = i;
  __syncwarp();
  out[i] = tile[i ^ 31];
}
TEST(SharedRace, SyncwarpOrdersTheLanesOfAWarp) {
  EXPECT_CLEAN([] { synced_lanes<<<1, 64>>>(zeros<float>(64)); });
}

constexpr int kAcross = __LINE__ + 4;
__global__ void syncwarp_across_warps(float* out) {
  __shared__ float tile[64];
  const int i = threadIdx.x;
  tile[i] = i;
  __syncwarp();
  out[i] = tile[i ^ 32];
}
TEST(SharedRace, SyncwarpDoesNotOrderWarps) {
  expect_only(findings([] { syncwarp_across_warps<<<1, 64>>>(zeros<float>(64)); }), What::kSharedRace,
              {kAcross, kAcross + 2});
}

__global__ void halves(float* out) {
  __shared__ float tile[32];
  const int i = threadIdx.x;
  tile[i] = i;
  __syncwarp(i < 16 ? 0x0000ffffu : 0xffff0000u);
  out[i] = tile[i ^ 15];
}
TEST(SharedRace, HalfAWarpCanSynchronize) {
  EXPECT_CLEAN([] { halves<<<1, 32>>>(zeros<float>(32)); });
}

constexpr int kHalves = __LINE__ + 4;
__global__ void halves_across(float* out) {
  __shared__ float tile[32];
  const int i = threadIdx.x;
  tile[i] = i;
  __syncwarp(i < 16 ? 0x0000ffffu : 0xffff0000u);
  out[i] = tile[i ^ 16];
}
TEST(SharedRace, HalvesOfAWarpAreNotOrdered) {
  expect_only(findings([] { halves_across<<<1, 32>>>(zeros<float>(32)); }), What::kSharedRace,
              {kHalves, kHalves + 2});
}

constexpr int kShuffle = __LINE__ + 4;
__global__ void shuffle_is_no_barrier(float* out) {
  __shared__ float tile[32];
  const int i = threadIdx.x;
  tile[i] = i;
  const float other = __shfl_xor_sync(0xffffffffu, out[i], 1);
  out[i] = tile[31 - i] + other;
}
TEST(SharedRace, AShuffleOrdersNoMemory) {
  expect_only(findings([] { shuffle_is_no_barrier<<<1, 32>>>(zeros<float>(32)); }), What::kSharedRace,
              {kShuffle, kShuffle + 2});
}

__global__ void bytes_of_one_word(unsigned char* out) {
  __shared__ unsigned char tile[64];
  const int i = threadIdx.x;
  tile[i] = i;
  tile[i] += 1;
  out[i] = tile[i];
}
TEST(SharedRace, NeighborsInOneWordAreNone) {
  EXPECT_CLEAN([] { bytes_of_one_word<<<1, 64>>>(zeros<unsigned char>(64)); });
}

constexpr int kSame = __LINE__ + 3;
__global__ void same_value(int* out) {
  __shared__ int flag;
  flag = 1;
  __syncthreads();
  out[threadIdx.x] = flag;
}
TEST(SharedRace, EqualValuesAreOneToo) {
  expect_only(findings([] { same_value<<<1, 64>>>(zeros<int>(64)); }), What::kSharedRace, {kSame, kSame});
}

// Whoever writes must not be missed because many have read before.
constexpr int kReaders = __LINE__ + 8;
__global__ void many_read_one_writes(int first, int last, int writer, bool half, float* out) {
  __shared__ float number;
  const int i = threadIdx.x;
  if (i == 0) number = 1;
  __syncthreads();
  float sum = 0;
  for (int k = 0; k < 3; ++k) {
    if (first <= i && i <= last) sum += number;
  }
  if (half && i < 16) __syncwarp(0xffffu);
  if (i == writer) number = 2;
  out[i] = sum;
}
std::vector<Finding> of_readers(int first, int last, int writer, bool half) {
  return findings([&] { many_read_one_writes<<<1, 64>>>(first, last, writer, half, zeros<float>(64)); });
}
TEST(SharedRace, AWriteAfterManyReads) {
  for (const int last : {1, 15, 31, 32, 63}) {
    for (const int writer : {0, 1, 5, 31, 32, 63}) {
      expect_only(of_readers(0, last, writer, false), What::kSharedRace, {kReaders, kReaders + 3});
    }
  }
  EXPECT_TRUE(of_readers(0, 0, 0, false).empty());
}
// Lanes that have returned meet nobody.
TEST(SharedRace, AWriteAfterHalfAWarpSynchronized) {
  EXPECT_TRUE(of_readers(0, 15, 5, true).empty());
  expect_only(of_readers(16, 16, 5, true), What::kSharedRace, {kReaders, kReaders + 3});
  expect_only(of_readers(16, 31, 5, true), What::kSharedRace, {kReaders, kReaders + 3});
}

__global__ void read_again_after(bool barrier, float* out) {
  __shared__ float number;
  const int i = threadIdx.x;
  if (i == 0) number = 1;
  __syncthreads();
  float sum = number;
  __syncthreads();
  if (i == 40) number = 2;
  if (barrier) __syncthreads();
  out[i] = sum + number;
}
TEST(SharedRace, ManyReadsAfterAWrite) {
  EXPECT_FALSE(findings([] { read_again_after<<<1, 64>>>(false, zeros<float>(64)); }).empty());
  EXPECT_CLEAN([] { read_again_after<<<1, 64>>>(true, zeros<float>(64)); });
}

constexpr int kDynamic = __LINE__ + 4;
__global__ void dynamic(float* out) {
  extern __shared__ float tile[];
  const int i = threadIdx.x;
  tile[i] = i;
  out[i] = tile[63 - i];
}
TEST(SharedRace, DynamicSharedMemory) {
  const auto found = findings([] { dynamic<<<1, 64, 256>>>(zeros<float>(64)); });
  ASSERT_FALSE(found.empty());
  EXPECT_NE(all(found).find("dynamic shared memory"), std::string::npos) << all(found);
  EXPECT_EQ(found.back().what, What::kSharedRace) << all(found);
  EXPECT_EQ(found.back().parties[0].line + found.back().parties[1].line, 2 * kDynamic + 1) << all(found);
}

}  // namespace
