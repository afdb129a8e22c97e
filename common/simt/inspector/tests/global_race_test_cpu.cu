// Races in device memory: inside a block, and between the blocks of one launch.
#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kBlocks = __LINE__ + 2;
__global__ void add_from_blocks(float* sum) {
  if (threadIdx.x == 0) sum[0] += 1;
}
TEST(GlobalRace, PlainAdditionFromManyBlocks) {
  const auto found = findings([] { add_from_blocks<<<4, 32>>>(zeros<float>(1)); });
  ASSERT_FALSE(found.empty());
  for (const auto& finding : found) {
    EXPECT_EQ(finding.what, What::kGlobalRace) << all(found);
    for (const auto& party : finding.parties) EXPECT_EQ(party.line, kBlocks) << all(found);
  }
  EXPECT_CLEAN([] { add_from_blocks<<<1, 32>>>(zeros<float>(1)); });
}

__global__ void add_atomically(float* sum) {
  atomicAdd(sum, 1.0f);
}
TEST(GlobalRace, AtomicAdditionIsNone) {
  EXPECT_CLEAN([] { add_atomically<<<4, 64>>>(zeros<float>(1)); });
}

TEST(GlobalRace, TwoLaunchesOfOneStreamAreOrdered) {
  EXPECT_CLEAN([] {
    float* sum = zeros<float>(1);
    add_from_blocks<<<1, 32>>>(sum);
    add_from_blocks<<<1, 32>>>(sum);
  });
}

constexpr int kWithin = __LINE__ + 3;
__global__ void within_block(float* data, float* out) {
  data[threadIdx.x] = 1;
  out[threadIdx.x] = data[63 - threadIdx.x];
}
TEST(GlobalRace, BetweenThreadsOfABlock) {
  expect_only(findings([] { within_block<<<1, 64>>>(zeros<float>(64), zeros<float>(64)); }),
              What::kGlobalRace, {kWithin - 1 + 0, kWithin});
}

// The block that comes last sums up what the others have written.
template <bool kFence>
__global__ void last_block(float* part, unsigned* count, float* sum) {
  __shared__ bool last;
  if (threadIdx.x == 0) {
    part[blockIdx.x] = 1;
    if (kFence) __threadfence();
    last = atomicAdd(count, 1u) + 1 == gridDim.x;
  }
  __syncthreads();
  if (last && threadIdx.x == 1) {
    float total = 0;
    for (unsigned i = 0; i < gridDim.x; ++i) total += part[i];
    sum[0] = total;
  }
}
TEST(GlobalRace, TheLastBlockSeesWhatWasFenced) {
  EXPECT_CLEAN([] { last_block<true><<<8, 32>>>(zeros<float>(8), zeros<unsigned>(1), zeros<float>(1)); });
}
TEST(GlobalRace, WithoutAFenceItDoesNot) {
  const auto found =
      findings([] { last_block<false><<<8, 32>>>(zeros<float>(8), zeros<unsigned>(1), zeros<float>(1)); });
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].what, What::kGlobalRace) << all(found);
}

// The counter of the blocks is a variable of the program.
__device__ unsigned blocks_done = 0;
__global__ void last_block_by_variable(float* part, float* sum) {
  part[blockIdx.x] = 1;
  __threadfence();
  if (atomicInc(&blocks_done, gridDim.x - 1) != gridDim.x - 1) return;
  sum[0] = 0;
  for (unsigned i = 0; i < gridDim.x; ++i) sum[0] += part[i];
}
TEST(GlobalRace, TheLastBlockMayCountInADeviceVariable) {
  EXPECT_CLEAN([] { last_block_by_variable<<<8, 1>>>(zeros<float>(8), zeros<float>(1)); });
}

// An addition that is made of compare-and-swap begins with a guess.
template <bool kShared>
__global__ void add_by_comparing(unsigned long long* sum) {
  __shared__ unsigned long long shared;
  unsigned long long* address = sum;
  if (kShared) {
    if (threadIdx.x == 0) shared = 0;
    __syncthreads();
    address = &shared;
  }
  unsigned long long old = *address, assumed;
  do {
    assumed = old;
    old = atomicCAS(address, assumed, assumed + 2);
  } while (assumed != old);
}
TEST(GlobalRace, AGuessThatACompareAndSwapChecksIsNone) {
  EXPECT_CLEAN([] { add_by_comparing<false><<<4, 64>>>(zeros<unsigned long long>(1)); });
  EXPECT_CLEAN([] { add_by_comparing<true><<<4, 64>>>(zeros<unsigned long long>(1)); });
}

// The same read, and nothing that checks it.
__global__ void read_while_others_add(unsigned* sum, unsigned* out) {
  const unsigned old = *sum;
  atomicAdd(sum, 1u);
  out[blockIdx.x * blockDim.x + threadIdx.x] = old;
}
TEST(GlobalRace, AReadWhileOthersAddIsOne) {
  const auto found =
      findings([] { read_while_others_add<<<1, 32>>>(zeros<unsigned>(1), zeros<unsigned>(32)); });
  ASSERT_EQ(found.size(), 1u) << all(found);
  EXPECT_EQ(found[0].what, What::kGlobalRace);
}

__global__ void halves_of_words(unsigned short* data) {
  data[blockIdx.x] += 1;
}
TEST(GlobalRace, NeighborsInOneWordAreNone) {
  EXPECT_CLEAN([] { halves_of_words<<<8, 1>>>(zeros<unsigned short>(8)); });
}

__device__ int total, counts[32];
constexpr int kTotal = __LINE__ + 2;
__global__ void add_to_variable() {
  total += 1;
}
TEST(GlobalRace, InAVariableOfTheDevice) {
  const auto found = findings([] { add_to_variable<<<2, 1>>>(); });
  ASSERT_FALSE(found.empty());
  for (const Finding& finding : found) {
    EXPECT_EQ(finding.what, What::kGlobalRace) << all(found);
    EXPECT_EQ(finding.parties[0].line, kTotal) << all(found);
    EXPECT_EQ(finding.memory, "byte 0 of the 4 bytes of the variable total") << all(found);
  }
}
__global__ void add_to_own_variable() {
  counts[threadIdx.x] += 1;
  atomicAdd(&total, counts[threadIdx.x]);
}
TEST(GlobalRace, VariablesOfOneThreadAndAtomicsAreNone) {
  EXPECT_CLEAN([] {
    add_to_own_variable<<<1, 32>>>();
    add_to_own_variable<<<1, 32>>>();
  });
}

// The last block resets the counter for the next launch.
__device__ unsigned arrived;
__global__ void last_resets(float* partial, float* sum) {
  partial[blockIdx.x] = 1;
  __threadfence();
  if (atomicAdd(&arrived, 1u) != gridDim.x - 1) return;
  float all = 0;
  for (unsigned block = 0; block < gridDim.x; ++block) all += partial[block];
  *sum = all;
  arrived = 0;
}
TEST(GlobalRace, TheLastBlockMayResetTheCounter) {
  EXPECT_CLEAN([] {
    float *partial = zeros<float>(8), *sum = zeros<float>(1);
    last_resets<<<8, 1>>>(partial, sum);
    last_resets<<<8, 1>>>(partial, sum);
  });
}

}  // namespace
