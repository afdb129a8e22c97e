// Tests of block_reduce.cuh: every thread gets the block's sum and maximum, time after time.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "03_softmax/testing/block_reduce_test_kernels.h"
#include "common/core/device_buffer.h"

namespace {

TEST(BlockReduce, GivesEveryThreadTheResultEveryTime) {
  constexpr int kRounds = 20;
  for (const int threads : {32, 64, 96, 256, 992, 1024}) {
    SCOPED_TRACE("threads = " + std::to_string(threads));
    // Whole numbers: sums are exact in any order. The maximum moves from warp to warp.
    std::vector<float> values;
    for (int i = 0; i < threads; ++i) values.push_back(static_cast<float>(i * 37 % 101 - 50));
    float sum = 0.0f, maximum = values[0];
    for (const float value : values) {
      sum += value;
      maximum = std::max(maximum, value);
    }

    const std::size_t size = static_cast<std::size_t>(threads) * kRounds;
    wb::DeviceBuffer<float> device_values(values), sums(size), maxima(size);
    sums.fill_bytes(0xff);
    maxima.fill_bytes(0xff);
    wb::reduce_again_and_again(device_values.data(), sums.data(), maxima.data(), kRounds, threads, nullptr);
    const std::vector<float> got_sums = sums.download(), got_maxima = maxima.download();
    for (std::size_t i = 0; i < size; ++i) {
      const auto round = static_cast<int>(i) / threads;
      ASSERT_EQ(got_sums[i], sum + static_cast<float>(round * threads))
          << "round " << round << ", index " << i;
      ASSERT_EQ(got_maxima[i], maximum + static_cast<float>(round)) << "round " << round << ", index " << i;
    }
  }
}

}  // namespace
