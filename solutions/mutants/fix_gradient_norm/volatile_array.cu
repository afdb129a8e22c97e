// Mistake: a volatile array in place of a barrier: no thread waits for another.
// Caught as: race in shared memory
// Caught on: inspector
// Inspected in: GradientNormTest.GivesTheNorm
// Inspected as: shared_race, line: array[threadIdx.x / 32] = value;
#include "solutions/mutants/fix_gradient_norm/mutated.cuh"

namespace wb {
namespace {

struct Reduce {
  template <class Combine>
  static __device__ float block_reduce(float value, float* of_warp, Combine combine) {
    value = warp_reduce(value, combine);
    volatile float* array = of_warp;
    if (threadIdx.x % 32 == 0) array[threadIdx.x / 32] = value;
    __syncthreads();
    float result = array[0];
    for (int warp = 1; warp < kWarps; ++warp) result = combine(result, array[warp]);
    return result;
  }
};

void volatile_array(const float* gradients, float* scratch, float* norm, float* factor, std::int64_t n,
                    float max_norm, cudaStream_t stream) {
  const unsigned blocks = blocks_for(n);
  blocks_kernel<Reduce><<<blocks, kThreads, 0, stream>>>(gradients, scratch, n);
  WB_CHECK_LAUNCH();
  join_kernel<Reduce><<<1, kThreads, 0, stream>>>(scratch, norm, factor, static_cast<int>(blocks), max_norm);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(GradientNorm, volatile_array, volatile_array);

}  // namespace
}  // namespace wb
