// Mistake: __threadfence_block() in place of a barrier: with it no thread waits for another.
// Caught as: race in shared memory
// Caught on: inspector
// Inspected in: GradientNormTest.GivesTheNorm
// Inspected as: shared_race, line: of_warp[threadIdx.x / 32] = value;
#include "solutions/mutants/fix_gradient_norm/mutated.cuh"

namespace wb {
namespace {

struct Reduce {
  template <class Combine>
  static __device__ float block_reduce(float value, float* of_warp, Combine combine) {
    value = warp_reduce(value, combine);
    __threadfence_block();
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    return result_of(of_warp, combine);
  }
};

void fence_before_the_write(const float* gradients, float* scratch, float* norm, float* factor,
                            std::int64_t n, float max_norm, cudaStream_t stream) {
  const unsigned blocks = blocks_for(n);
  blocks_kernel<Reduce><<<blocks, kThreads, 0, stream>>>(gradients, scratch, n);
  WB_CHECK_LAUNCH();
  join_kernel<Reduce><<<1, kThreads, 0, stream>>>(scratch, norm, factor, static_cast<int>(blocks), max_norm);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(GradientNorm, fence_before_the_write, fence_before_the_write);

}  // namespace
}  // namespace wb
