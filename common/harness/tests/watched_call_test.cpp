// A watched call that works in another stream than the given one fails its test.
#include "common/harness/watched_call.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/core/device_buffer.h"

namespace {

class WatchedCall : public testing::Test {
 protected:
  static constexpr std::size_t kBytes = 16;

  // Stands for an implementation that is called with the stream of tests.
  template <class Call>
  void watch(Call call) {
    const wb::detail::WatchedCall watched(given_);
    call();
  }

  cudaStream_t given_ = wb::detail::stream_of_tests();
  wb::DeviceBuffer<float> a_{4}, b_{4};
  std::vector<float> host_ = std::vector<float>(4);
};

TEST_F(WatchedCall, MayWorkInTheGivenStream) {
  watch([&] {
    WB_CUDA_CHECK(cudaMemsetAsync(a_.data(), 0, kBytes, given_));
    WB_CUDA_CHECK(cudaMemcpyAsync(b_.data(), a_.data(), kBytes, cudaMemcpyDeviceToDevice, given_));
  });
  // The host waits for these: a table that is copied once.
  watch([&] {
    WB_CUDA_CHECK(cudaMemcpy(a_.data(), host_.data(), kBytes, cudaMemcpyHostToDevice));
    WB_CUDA_CHECK(cudaMemcpy(host_.data(), b_.data(), kBytes, cudaMemcpyDeviceToHost));
  });
  // Outside of a call, a test does what it likes.
  WB_CUDA_CHECK(cudaMemset(a_.data(), 0, kBytes));
  watch([] {});
}

TEST_F(WatchedCall, MustNotFillInTheDefaultStream) {
  EXPECT_NONFATAL_FAILURE(watch([&] { WB_CUDA_CHECK(cudaMemset(a_.data(), 0, kBytes)); }),
                          "cudaMemset works in the default stream, not in the one that was passed: "
                          "cudaMemsetAsync(pointer, 0, bytes, stream)");
  EXPECT_NONFATAL_FAILURE(watch([&] { WB_CUDA_CHECK(cudaMemsetAsync(a_.data(), 0, kBytes)); }),
                          "cudaMemsetAsync works in the default stream");
}

TEST_F(WatchedCall, MustNotCopyInAnotherStream) {
  EXPECT_NONFATAL_FAILURE(
      watch([&] { WB_CUDA_CHECK(cudaMemcpy(b_.data(), a_.data(), kBytes, cudaMemcpyDeviceToDevice)); }),
      "cudaMemcpy works in the default stream");
  cudaStream_t other = nullptr;
  WB_CUDA_CHECK(cudaStreamCreate(&other));
  EXPECT_NONFATAL_FAILURE(
      watch([&] {
        WB_CUDA_CHECK(cudaMemcpyAsync(b_.data(), a_.data(), kBytes, cudaMemcpyDeviceToDevice, other));
      }),
      "cudaMemcpyAsync works in another stream");
  WB_CUDA_CHECK(cudaStreamDestroy(other));
}

}  // namespace
