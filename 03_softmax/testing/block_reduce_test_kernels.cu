// One block that reduces many times with nothing in between: a warp that is
// ahead must not disturb one behind.
#include "03_softmax/block_reduce.cuh"
#include "03_softmax/testing/block_reduce_test_kernels.h"
#include "common/core/check.h"

namespace wb {
namespace {

__global__ void reduce_again_and_again_kernel(const float* values,  // (threads)
                                              float* sums,          // (rounds, threads)
                                              float* maxima,        // (rounds, threads)
                                              int rounds) {
  const float value = values[threadIdx.x];
  for (int round = 0; round < rounds; ++round) {
    sums[round * blockDim.x + threadIdx.x] = block_sum(value + static_cast<float>(round));
  }
  for (int round = 0; round < rounds; ++round) {
    maxima[round * blockDim.x + threadIdx.x] = block_max(value + static_cast<float>(round));
  }
}

}  // namespace

void reduce_again_and_again(const float* values, float* sums, float* maxima, int rounds, int threads,
                            cudaStream_t stream) {
  reduce_again_and_again_kernel<<<1, threads, 0, stream>>>(values, sums, maxima, rounds);
  WB_CHECK_LAUNCH();
}

}  // namespace wb
