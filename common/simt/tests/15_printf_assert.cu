// Rung 15: what a kernel says: printf, and assert, which stops it. A failed assert leaves a GPU unusable for
// the rest of the process, so that test runs in a process of its own.
#undef NDEBUG
#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/simt/tests/ladder.h"

namespace {

__global__ void speak() {
  printf("block %u thread %u: %.2f %s\n", blockIdx.x, threadIdx.x, 0.5 * threadIdx.x, "ok");
}

TEST(Printf, FromEveryThread) {
  testing::internal::CaptureStdout();
  speak<<<2, 3>>>();
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  std::fflush(stdout);
  const std::string text = testing::internal::GetCapturedStdout();
  for (const char* line :
       {"block 0 thread 0: 0.00 ok\n", "block 0 thread 2: 1.00 ok\n", "block 1 thread 1: 0.50 ok\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << text;
  }
}

__global__ void check(int limit) {
  assert(static_cast<int>(threadIdx.x) < limit);
}

TEST(Assert, HoldsSilently) {
  check<<<2, 32>>>(32);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

void fail_and_exit() {
  check<<<2, 32>>>(20);
  // The code says which expectation broke: a dead device lets the parent see nothing else.
  if (cudaDeviceSynchronize() != cudaErrorAssert) std::_Exit(1);
  if (cudaGetLastError() != cudaErrorAssert) std::_Exit(2);
  void* pointer = nullptr;
  if (cudaMalloc(&pointer, 4) != cudaErrorAssert) std::_Exit(3);
  if (cudaDeviceSynchronize() != cudaErrorAssert) std::_Exit(4);
  std::_Exit(0);
}

TEST(AssertDeathTest, StopsTheKernelWithAStickyError) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(fail_and_exit(), testing::ExitedWithCode(0), "Assertion");
}

}  // namespace
