// Fences, releases and acquires between blocks: each missing one must be found and named, and what suffices
// must not be reported. Blocks take their parts by a ticket, so that the order of blocks makes no difference.
#include <cuda/atomic>

#include "inspector/tests/ladder.h"

using namespace ladder;

namespace {

using Device = cuda::atomic_ref<int, cuda::thread_scope_device>;
using Block = cuda::atomic_ref<int, cuda::thread_scope_block>;
constexpr auto kRelaxed = cuda::memory_order_relaxed;
constexpr auto kRelease = cuda::memory_order_release;
constexpr auto kAcquire = cuda::memory_order_acquire;

struct Message {
  int ticket, data, flag, other_flag, out;
};

// Which part the block plays: 0 for the one that starts first.
__device__ int take_part(Message* m) {
  return Device(m->ticket).fetch_add(1, kRelaxed);
}
__device__ void fence(cuda::memory_order order, cuda::thread_scope scope = cuda::thread_scope_device) {
  cuda::atomic_thread_fence(order, scope);
}

/// One race at the two lines, and these words in its advice.
void expect_race(const std::vector<Finding>& found, std::vector<int> lines, const std::string& words) {
  expect_only(found, What::kGlobalRace, std::move(lines));
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found[0].advice.find(words), std::string::npos) << all(found);
}
std::string line(int number) {
  return "line " + std::to_string(number);
}

// A message: every place where an order can be missing.
enum Writer { kFenceBetween, kFenceTooEarly, kNoFence, kReleases, kFenceOfBlock, kFenceThatAcquires };
enum Reader { kFenceAfter, kFenceTooSoon, kNoFenceAfter, kAcquires, kFenceOfBlockAfter, kFenceThatReleases };

constexpr int kWrite = __LINE__ + 5, kSignal = kWrite + 4, kWait = kWrite + 7, kUse = kWait + 4;
template <Writer kWriter, Reader kReader>
__global__ void message(Message* m) {
  if (take_part(m) == 0) {
    if (kWriter == kFenceTooEarly) __threadfence();
    m->data = 42;
    if (kWriter == kFenceBetween) __threadfence();
    if (kWriter == kFenceOfBlock) __threadfence_block();
    if (kWriter == kFenceThatAcquires) fence(kAcquire);
    Device(m->flag).store(1, kWriter == kReleases ? kRelease : kRelaxed);
  } else {
    if (kReader == kFenceTooSoon) __threadfence();
    if (Device(m->flag).load(kReader == kAcquires ? kAcquire : kRelaxed) == 0) return;
    if (kReader == kFenceAfter) __threadfence();
    if (kReader == kFenceOfBlockAfter) __threadfence_block();
    if (kReader == kFenceThatReleases) fence(kRelease);
    m->out = m->data;
  }
}
template <Writer kWriter, Reader kReader>
std::vector<Finding> pass() {
  return findings([] { message<kWriter, kReader><<<2, 1>>>(zeros<Message>(1)); });
}

TEST(Fence, BetweenDataAndFlagAndAfterTheWait) {
  EXPECT_TRUE((pass<kFenceBetween, kFenceAfter>().empty()));
  EXPECT_TRUE((pass<kFenceBetween, kAcquires>().empty()));
  EXPECT_TRUE((pass<kReleases, kFenceAfter>().empty()));
  EXPECT_TRUE((pass<kReleases, kAcquires>().empty()));
}
TEST(Fence, BeforeTheDataPublishesNothing) {
  const std::string words =
      "The write of " + line(kWrite) +
      " comes after the last __threadfence() of its thread, so the atomic operation at " + line(kSignal) +
      " does not publish it";
  expect_race(pass<kFenceTooEarly, kFenceAfter>(), {kWrite, kUse}, words);
  expect_race(pass<kFenceTooEarly, kAcquires>(), {kWrite, kUse}, words);
}
TEST(Fence, ARelaxedStoreAlonePublishesNothing) {
  const std::string words = "There is no __threadfence() between the write of " + line(kWrite) +
                            " and the atomic operation at " + line(kSignal);
  expect_race(pass<kNoFence, kFenceAfter>(), {kWrite, kUse}, words);
  expect_race(pass<kNoFence, kAcquires>(), {kWrite, kUse}, words);
  expect_race(pass<kNoFence, kNoFenceAfter>(), {kWrite, kUse}, words);
  expect_race(pass<kFenceThatAcquires, kAcquires>(), {kWrite, kUse}, words);
}
TEST(Fence, MissingAfterTheWait) {
  const std::string words =
      "The read of " + line(kUse) + " follows the relaxed atomic operation at " + line(kWait);
  expect_race(pass<kFenceBetween, kNoFenceAfter>(), {kWrite, kUse}, words);
  expect_race(pass<kReleases, kNoFenceAfter>(), {kWrite, kUse}, words);
  expect_race(pass<kReleases, kFenceTooSoon>(), {kWrite, kUse}, words);
  expect_race(pass<kReleases, kFenceThatReleases>(), {kWrite, kUse}, words);
}
TEST(Fence, OfTheBlockIsNotForOtherBlocks) {
  expect_race(
      pass<kFenceOfBlock, kFenceAfter>(), {kWrite, kUse},
      "The fence before the atomic operation at " + line(kSignal) + " is only for the threads of its");
  expect_race(pass<kReleases, kFenceOfBlockAfter>(), {kWrite, kUse},
              "The read of " + line(kUse) + " follows the relaxed atomic operation at " + line(kWait));
}

// Operations with the scope of a block are no atomic operations for another block.
constexpr int kScopedWrite = __LINE__ + 3;
__global__ void scoped_message(Message* m) {
  if (take_part(m) == 0) {
    m->data = 42;
    Block(m->flag).store(1, kRelease);
  } else if (Device(m->flag).load(kAcquire) != 0) {
    m->out = m->data;
  }
}
TEST(Fence, AReleaseOfTheBlockIsNotForOtherBlocks) {
  const auto found = findings([] { scoped_message<<<2, 1>>>(zeros<Message>(1)); });
  ASSERT_EQ(found.size(), 2u) << all(found);
  EXPECT_EQ(found[0].parties[0].line, kScopedWrite) << all(found);
  EXPECT_NE(found[0].advice.find(line(kScopedWrite + 1) + " has the scope of a block"), std::string::npos);
  EXPECT_EQ(found[1].parties[0].line, kScopedWrite + 1) << all(found);
  EXPECT_NE(found[1].advice.find("atomic only for the threads of its block"), std::string::npos);
}
constexpr int kScopedCount = __LINE__ + 2;
__global__ void count_for_block(int* count) {
  atomicAdd_block(count + blockIdx.x * 0, 1);
}
__global__ void count_in_block(int* count) {
  atomicAdd_block(count + blockIdx.x, 1);
  atomicAdd(count + blockIdx.x, 1);
}
TEST(Fence, AnAdditionOfTheBlockIsAtomicInItsBlockAlone) {
  expect_race(findings([] { count_for_block<<<2, 1>>>(zeros<int>(2)); }), {kScopedCount, kScopedCount},
              "scope of a block");
  EXPECT_CLEAN([] { count_in_block<<<2, 64>>>(zeros<int>(2)); });
}

// The last block to count itself reads what the others have written.
enum Count { kCountFenced, kCountUnfenced, kFenceFirst, kFenceBeforeBarrier, kAllFence };
constexpr int kPart = __LINE__ + 5;
template <Count kHow>
__global__ void last_block(int* part, int* count, int* sum) {
  __shared__ bool last;
  if (kHow == kFenceFirst || (kHow == kFenceBeforeBarrier && threadIdx.x == 0)) __threadfence();
  part[blockIdx.x * 64 + threadIdx.x] = 1;
  if (kHow == kAllFence) __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    if (kHow == kCountFenced) __threadfence();
    last = atomicAdd(count, 1) == static_cast<int>(gridDim.x) - 1;
  }
  __syncthreads();
  if (!last) return;
  for (unsigned b = 0; b < gridDim.x; ++b) sum[threadIdx.x] += part[b * 64 + 63 - threadIdx.x];
}
template <Count kHow>
std::vector<Finding> count_blocks() {
  return findings([] { last_block<kHow><<<8, 64>>>(zeros<int>(512), zeros<int>(1), zeros<int>(64)); });
}
TEST(Fence, TheLastBlockFollowsTheProgrammingGuide) {
  EXPECT_TRUE(count_blocks<kCountFenced>().empty());
  EXPECT_TRUE(count_blocks<kAllFence>().empty());
}
TEST(Fence, TheLastBlockNeedsOneAfterTheData) {
  expect_race(count_blocks<kCountUnfenced>(), {kPart, kPart + 9},
              "If the atomic operation at " + line(kPart + 5) + " is to tell other blocks of the write of " +
                  line(kPart) + ", put __threadfence()");
  const auto early = count_blocks<kFenceFirst>();
  ASSERT_EQ(early.size(), 1u) << all(early);
  EXPECT_NE(early[0].advice.find("last __threadfence()"), std::string::npos) << all(early);
  const auto before = count_blocks<kFenceBeforeBarrier>();
  ASSERT_EQ(before.size(), 1u) << all(before);
  EXPECT_NE(before[0].advice.find("does not publish it"), std::string::npos) << all(before);
}

// What a thread has acquired it hands on with its own release.
constexpr int kChain = __LINE__ + 5;
template <bool kAcquired>
__global__ void chain(Message* m) {
  const int part = take_part(m);
  if (part == 0) {
    m->data = 42;
    Device(m->flag).store(1, kRelease);
  } else if (part == 1) {
    if (Device(m->flag).load(kAcquired ? kAcquire : kRelaxed) == 0) return;
    Device(m->other_flag).store(1, kRelease);
  } else {
    if (Device(m->other_flag).load(kAcquire) != 0) m->out = m->data;
  }
}
TEST(Fence, OrderIsHandedOn) {
  EXPECT_CLEAN([] { chain<true><<<3, 1>>>(zeros<Message>(1)); });
  expect_only(findings([] { chain<false><<<3, 1>>>(zeros<Message>(1)); }), What::kGlobalRace,
              {kChain, kChain + 6});
}

// An update continues a release sequence, and so does the thread that began it; a store by another ends it.
enum Between { kUpdate, kStoreOfAnother, kOwnStore, kFailedCompare };
constexpr int kSequence = __LINE__ + 5;
template <Between kHow>
__global__ void sequence(Message* m) {
  const int part = take_part(m);
  if (part == 0) {
    m->data = 42;
    Device(m->flag).store(1, kRelease);
    if (kHow == kOwnStore) Device(m->flag).store(2, kRelaxed);
  } else if (part == 1) {
    if (kHow == kUpdate) Device(m->flag).fetch_add(1, kRelaxed);
    if (kHow == kStoreOfAnother) Device(m->flag).store(2, kRelaxed);
    if (kHow == kFailedCompare) atomicCAS(&m->flag, 7, 8);
  } else {
    if (Device(m->flag).load(kAcquire) != 0) m->out = m->data;
  }
}
TEST(Fence, ReleaseSequences) {
  EXPECT_CLEAN([] { sequence<kUpdate><<<3, 1>>>(zeros<Message>(1)); });
  EXPECT_CLEAN([] { sequence<kOwnStore><<<3, 1>>>(zeros<Message>(1)); });
  EXPECT_CLEAN([] { sequence<kFailedCompare><<<3, 1>>>(zeros<Message>(1)); });
  expect_only(findings([] { sequence<kStoreOfAnother><<<3, 1>>>(zeros<Message>(1)); }), What::kGlobalRace,
              {kSequence, kSequence + 8});
}

// A flag that is polled through `volatile` is a race itself: volatile is not atomic.
constexpr int kVolatile = __LINE__ + 8;
__global__ void poll_volatile(Message* m) {
  if (take_part(m) == 0) {
    m->data = 42;
    __threadfence();
    atomicExch(&m->flag, 1);
  } else {
    volatile int* flag = &m->flag;
    if (*flag == 0) return;
    __threadfence();
    m->out = m->data;
  }
}
TEST(Fence, AVolatileLoadIsNoAtomicOne) {
  const auto found = findings([] { poll_volatile<<<2, 1>>>(zeros<Message>(1)); });
  ASSERT_EQ(found.size(), 2u) << all(found);
  EXPECT_EQ(found[1].parties[1].line, kVolatile) << all(found);
  EXPECT_NE(found[1].advice.find("volatile is not atomic"), std::string::npos) << all(found);
  EXPECT_NE(found[0].advice.find("follows a load at " + line(kVolatile)), std::string::npos) << all(found);
}

}  // namespace
