#include "common/harness/runtime_calls.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "common/harness/watched_call.h"

namespace {

using wb::CallKind;
using wb::RuntimeCalls;

TEST(RuntimeCalls, AreRecordedInTheirOrder) {
  const std::vector<float> x{1, 2, 3};
  std::vector<float> y(3);
  RuntimeCalls calls;
  float* device = nullptr;
  ASSERT_EQ(cudaMalloc(&device, 12), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(device, x.data(), 12, cudaMemcpyHostToDevice), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(y.data(), device, 12, cudaMemcpyDeviceToHost), cudaSuccess);
  ASSERT_EQ(cudaFree(device), cudaSuccess);
  calls.stop();
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);  // no longer recorded

  ASSERT_EQ(calls.all().size(), 4u);
  EXPECT_EQ(wb::to_text(calls.all()[0]), "cudaMalloc (12 bytes)");
  EXPECT_EQ(wb::to_text(calls.all()[1]), "cudaMemcpy (host to device, 12 bytes)");
  EXPECT_EQ(calls.all()[1].source, x.data());
  EXPECT_EQ(calls.all()[2].pointer, y.data());
  EXPECT_EQ(wb::to_text(calls.all()[3]), "cudaFree");
  EXPECT_EQ(calls.count(CallKind::kCopy), 2u);
  EXPECT_TRUE(calls.kept().empty());
  EXPECT_EQ(y, x);
}

TEST(RuntimeCalls, FillDeviceMemoryWithNan) {
  std::vector<float> y(3);
  RuntimeCalls calls;
  float* device = nullptr;
  ASSERT_EQ(cudaMalloc(&device, 12), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(y.data(), device, 12, cudaMemcpyDeviceToHost), cudaSuccess);
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

TEST(RuntimeCalls, KnowAndFreeWhatIsKept) {
  const auto before = wb::detail::device_bytes_in_use();
  RuntimeCalls calls;
  float *device = nullptr, *pinned = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaMalloc(&device, 4096), cudaSuccess);
  ASSERT_EQ(cudaMallocHost(&pinned, 64), cudaSuccess);
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaEventCreate(&event), cudaSuccess);
  EXPECT_EQ(calls.kept().size(), 4u);
  EXPECT_NE(calls.holder(device + 1000, 96), nullptr);
  EXPECT_EQ(calls.holder(device + 1000, 97), nullptr) << "past the end";
  EXPECT_EQ(calls.holder(pinned, 4), nullptr) << "host memory";
  calls.stop();
  EXPECT_EQ(wb::detail::device_bytes_in_use(), before);
}

TEST(RuntimeCalls, DoNotPassOnWhatIsFreedInVain) {
  RuntimeCalls calls;
  float* device = nullptr;
  float on_host = 0;
  ASSERT_EQ(cudaMalloc(&device, 64), cudaSuccess);
  ASSERT_EQ(cudaFree(device), cudaSuccess);
  ASSERT_EQ(cudaFree(nullptr), cudaSuccess);
  EXPECT_TRUE(calls.freed_in_vain().empty());
  static_cast<void>(cudaFree(device));
  static_cast<void>(cudaFree(&on_host));
  EXPECT_EQ(calls.freed_in_vain().size(), 2u);
}

TEST(RuntimeCalls, FailWhereTheyAreAskedTo) {
  const float x = 7;
  RuntimeCalls calls(1);  // the second of those that can fail
  float *first = nullptr, *second = nullptr;
  EXPECT_EQ(cudaMalloc(&first, 4), cudaSuccess);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);  // cannot fail, and is not counted
  EXPECT_EQ(cudaMalloc(&second, 4), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  ASSERT_NE(calls.failed(), nullptr);
  EXPECT_EQ(wb::to_text(*calls.failed()), "cudaMalloc (4 bytes)");

  // The error stays behind, as a real one would, until it is asked for.
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);

  // What follows is recorded and does nothing: it may use what is missing.
  EXPECT_EQ(cudaMemcpy(second, &x, 4, cudaMemcpyHostToDevice), cudaSuccess);
  EXPECT_TRUE(calls.all().back().after_failure);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
  EXPECT_TRUE(calls.kept().empty());
}

TEST(RuntimeCalls, AreRecordedOneRecordAtATime) {
  const RuntimeCalls calls;
  EXPECT_ANY_THROW(RuntimeCalls());
}

}  // namespace
