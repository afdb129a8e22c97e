// Fences in locks, in a look-back, and inside of a block: beside barriers, warps and flags in shared memory.
#include <unistd.h>

#include <cuda/atomic>
#include <fstream>

#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

using Device = cuda::atomic_ref<int, cuda::thread_scope_device>;
using Block = cuda::atomic_ref<int, cuda::thread_scope_block>;
constexpr auto kRelaxed = cuda::memory_order_relaxed;
constexpr auto kRelease = cuda::memory_order_release;
constexpr auto kAcquire = cuda::memory_order_acquire;

void expect_words(const std::vector<Finding>& found, const std::string& words) {
  ASSERT_FALSE(found.empty());
  EXPECT_NE(all(found).find(words), std::string::npos) << all(found);
}

// A lock: taken by a compare-and-swap or an exchange, given back by an exchange or a store.
constexpr int kCritical = __LINE__ + 6;
template <bool kFenceIn, bool kFenceOut, bool kExchange>
__global__ void locked(int* lock, int* sum) {
  while ((kExchange ? atomicExch(lock, 1) : atomicCAS(lock, 0, 1)) != 0) {
  }
  if (kFenceIn) __threadfence();
  *sum += 1;
  if (kFenceOut) __threadfence();
  atomicExch(lock, 0);
}
template <bool kFenceIn, bool kFenceOut, bool kExchange>
std::vector<Finding> lock() {
  return findings([] { locked<kFenceIn, kFenceOut, kExchange><<<4, 1>>>(zeros<int>(1), zeros<int>(1)); });
}
TEST(Lock, NeedsAFenceOnBothSides) {
  EXPECT_TRUE((lock<true, true, false>().empty()));
  EXPECT_TRUE((lock<true, true, true>().empty()));
  for (const auto& found :
       {lock<false, true, false>(), lock<true, false, false>(), lock<false, false, false>(),
        lock<false, true, true>(), lock<true, false, true>()}) {
    ASSERT_FALSE(found.empty());
    for (const Finding& finding : found) {
      EXPECT_EQ(finding.what, What::kGlobalRace) << all(found);
      for (const auto& party : finding.parties) EXPECT_EQ(party.line, kCritical) << all(found);
    }
  }
  expect_words(lock<true, false, false>(), "comes after the last __threadfence() of its thread");
  expect_words(lock<false, true, false>(), "follows the relaxed atomic operation at line");
}
__global__ void locked_by_orders(int* lock, int* sum) {
  while (Device(*lock).exchange(1, kAcquire) != 0) {
  }
  *sum += 1;
  Device(*lock).store(0, kRelease);
}
TEST(Lock, OfReleaseAndAcquire) {
  EXPECT_CLEAN([] { locked_by_orders<<<4, 1>>>(zeros<int>(1), zeros<int>(1)); });
  EXPECT_CLEAN([] { locked_by_orders<<<1, 4>>>(zeros<int>(1), zeros<int>(1)); });
}

// A look-back: each tile adds up what the tiles before it have published.
enum Look { kRight, kSumRelaxed, kPrefixRelaxed, kNoFence, kFenceAfterLoop };
struct Tiles {
  int ticket, state[8], sum[8], prefix[8];
};
__device__ void publish(int* place, int value, int* state, int what, cuda::memory_order order) {
  *place = value;
  Device(*state).store(what, order);
}
constexpr int kNumber = __LINE__ - 3, kState = kNumber + 1;
constexpr int kLoad = __LINE__ + 9, kSumRead = kLoad + 3;
template <Look kHow>
__global__ void look_back(Tiles* t) {
  const int tile = atomicAdd(&t->ticket, 1);
  publish(&t->sum[tile], 1, &t->state[tile], 1, kHow == kSumRelaxed ? kRelaxed : kRelease);
  int before = 0;
  for (int other = tile - 1; other >= 0; --other) {
    int state = 0;
    while (state == 0)
      state = Device(t->state[other]).load(kHow == kNoFence || kHow == kFenceAfterLoop ? kRelaxed : kAcquire);
    if (kHow == kFenceAfterLoop) __threadfence();
    // The number, as the state says.
    before += state == 2 ? t->prefix[other] : t->sum[other];
    if (state == 2) break;
  }
  const bool is_chain = tile % 2 == 0;  // the others publish no prefix
  if (is_chain)
    publish(&t->prefix[tile], before + 1, &t->state[tile], 2, kHow == kPrefixRelaxed ? kRelaxed : kRelease);
}
template <Look kHow>
std::vector<Finding> look() {
  return findings([] { look_back<kHow><<<8, 1>>>(zeros<Tiles>(1)); });
}
TEST(LookBack, IsClean) {
  EXPECT_TRUE(look<kRight>().empty());
  EXPECT_TRUE(look<kFenceAfterLoop>().empty());
}
TEST(LookBack, OneStateWithoutRelease) {
  for (const auto& found : {look<kSumRelaxed>(), look<kPrefixRelaxed>()}) {
    expect_only(found, What::kGlobalRace, {kNumber, kSumRead});
    expect_words(found, "the atomic operation at line " + std::to_string(kState));
  }
}
TEST(LookBack, NoFenceAfterTheLoads) {
  const auto found = look<kNoFence>();
  expect_only(found, What::kGlobalRace, {kNumber, kSumRead});
  expect_words(found, "follows the relaxed atomic operation at line " + std::to_string(kLoad));
}

// Each tile hands on what it knows of all tiles before it. The clocks share what they have in common: with a
// copy per tile they would take more than 300 MB.
__global__ void chain_of_tiles(int* ticket, int* state, int* prefix) {
  const int tile = atomicAdd(ticket, 1);
  if (tile > 0) {
    while (Device(state[tile - 1]).load(kAcquire) == 0) {
    }
  }
  prefix[tile] = tile == 0 ? 1 : (prefix[tile - 1] | prefix[tile / 2]);
  Device(state[tile]).store(1, kRelease);
}
std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}
TEST(LookBack, OfManyTilesTakesLittleMemory) {
  const std::size_t before = resident_bytes();
  EXPECT_CLEAN([] { chain_of_tiles<<<4000, 1>>>(zeros<int>(1), zeros<int>(4000), zeros<int>(4000)); });
  EXPECT_LT(resident_bytes(), before + (std::size_t{100} << 20));
}

// One thread acquires for its block: only a barrier hands this on.
constexpr int kAcquired = __LINE__ + 5;
template <bool kBarrier, bool kFenceByAll>
__global__ void acquire_for_block(int* ticket, int* data, int* flag, int* out) {
  __shared__ int part, seen;
  if (threadIdx.x == 0) part = atomicAdd(ticket, 1);
  __syncthreads();
  if (part == 0) {
    data[threadIdx.x] = 42;
    __syncthreads();
    if (threadIdx.x == 0) Device(*flag).store(1, kRelease);
    return;
  }
  if (threadIdx.x == 0) seen = Device(*flag).load(kFenceByAll ? kRelaxed : kAcquire);
  if (kBarrier) __syncthreads();
  if (kFenceByAll) __threadfence();
  out[threadIdx.x] = data[63 - threadIdx.x] + (kBarrier ? seen : 0);
}
template <bool kBarrier, bool kFenceByAll>
std::vector<Finding> acquire() {
  return findings([] {
    acquire_for_block<kBarrier, kFenceByAll>
        <<<2, 64>>>(zeros<int>(1), zeros<int>(64), zeros<int>(1), zeros<int>(64));
  });
}
TEST(InBlock, ABarrierHandsOnWhatOneThreadHasAcquired) {
  EXPECT_TRUE((acquire<true, false>().empty()));
  EXPECT_TRUE((acquire<true, true>().empty()));
  expect_only(acquire<false, false>(), What::kGlobalRace, {kAcquired + 2, kAcquired + 10});
}

// Lanes write, and one of them signals for the warp.
constexpr int kLanes = __LINE__ + 6;
template <bool kBarrier>
__global__ void signal_for_warp(int* ticket, int* data, int* flag, int* out) {
  int part = threadIdx.x == 0 ? atomicAdd(ticket, 1) : 0;
  part = __shfl_sync(0xffffffff, part, 0);
  if (part == 0) {
    data[threadIdx.x] = 42;
    if (kBarrier) __syncwarp();
    if (threadIdx.x == 0) {
      __threadfence();
      atomicExch(flag, 1);
    }
  } else if (Device(*flag).load(kAcquire) != 0) {
    out[threadIdx.x] = data[31 - threadIdx.x];
  }
}
TEST(InBlock, OneLaneSignalsForItsWarp) {
  EXPECT_CLEAN(
      [] { signal_for_warp<true><<<2, 32>>>(zeros<int>(1), zeros<int>(32), zeros<int>(1), zeros<int>(32)); });
  expect_only(findings([] {
                signal_for_warp<false>
                    <<<2, 32>>>(zeros<int>(1), zeros<int>(32), zeros<int>(1), zeros<int>(32));
              }),
              What::kGlobalRace, {kLanes, kLanes + 7});
}

// A tile of lanes: its own barrier.
__global__ void signal_for_half(int* ticket, int* data, int* flag, int* out) {
  int part = threadIdx.x == 0 ? atomicAdd(ticket, 1) : 0;
  part = __shfl_sync(0xffffffff, part, 0);
  const unsigned half = threadIdx.x < 16 ? 0x0000ffffu : 0xffff0000u;
  if (part == 0) {
    data[threadIdx.x] = 42;
    __syncwarp(half);
    if (threadIdx.x % 16 == 0) Device(flag[threadIdx.x / 16]).store(1, kRelease);
  } else if (Device(flag[threadIdx.x / 16]).load(kAcquire) != 0) {
    out[threadIdx.x] = data[threadIdx.x ^ 15];
  }
}
TEST(InBlock, OneLaneSignalsForPartOfItsWarp) {
  EXPECT_CLEAN(
      [] { signal_for_half<<<2, 32>>>(zeros<int>(1), zeros<int>(32), zeros<int>(2), zeros<int>(32)); });
}

// Warps of one block pass a number through shared memory.
constexpr int kFirst = __LINE__ + 7;
template <bool kOrdered>
__global__ void between_warps(int* out) {
  __shared__ int number, flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  if (threadIdx.x == 0) {
    number = 42;
    Block(flag).store(1, kOrdered ? kRelease : kRelaxed);
  } else if (threadIdx.x == 32) {
    while (Block(flag).load(kAcquire) == 0) {
    }
    out[blockIdx.x] = number;
  }
}
TEST(InBlock, WarpsPassANumberThroughSharedMemory) {
  EXPECT_CLEAN([] { between_warps<true><<<2, 64>>>(zeros<int>(2)); });
  const auto found = findings([] { between_warps<false><<<2, 64>>>(zeros<int>(2)); });
  expect_only(found, What::kSharedRace, {kFirst, kFirst + 5});
  expect_words(found, "There is no __threadfence() between the write of line " + std::to_string(kFirst));
}
__global__ void fences_of_block(int* out) {
  __shared__ int number, flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  if (threadIdx.x == 0) {
    number = 42;
    __threadfence_block();
    atomicExch_block(&flag, 1);
  } else if (threadIdx.x == 32) {
    while (atomicAdd_block(&flag, 0) == 0) {
    }
    __threadfence_block();
    out[blockIdx.x] = number;
  }
}
TEST(InBlock, FencesOfTheBlockSuffice) {
  EXPECT_CLEAN([] { fences_of_block<<<2, 64>>>(zeros<int>(2)); });
}

// The write after the release is not ordered, in the same block either.
constexpr int kAfter = __LINE__ + 6;
__global__ void written_after(int* out) {
  __shared__ int number, flag;
  if (threadIdx.x == 0) flag = 0;
  __syncthreads();
  if (threadIdx.x == 0) {
    Block(flag).store(1, kRelease);
    number = 42;
  } else if (threadIdx.x == 32) {
    while (Block(flag).load(kAcquire) == 0) {
    }
    out[blockIdx.x] = number;
  }
}
TEST(InBlock, AWriteAfterTheReleaseIsARace) {
  const auto found = findings([] { written_after<<<1, 64>>>(zeros<int>(1)); });
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].what, What::kSharedRace) << all(found);
  EXPECT_EQ(found[0].parties[0].line, kAfter + 1) << all(found);
}

}  // namespace
