// Mistake: the index is an int: past 2^31 gradients it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include "solutions/mutants/fix_gradient_norm/mutated.cuh"

namespace wb {
namespace {

struct Right {
  template <class Combine>
  static __device__ float block_reduce(float value, float* of_warp, Combine combine) {
    value = warp_reduce(value, combine);
    __syncthreads();
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    return result_of(of_warp, combine);
  }
};

__global__ void index_of_32_bits_kernel(const float* gradients,  // (n)
                                        float* scratch,          // (2, gridDim.x)
                                        std::int64_t n) {
  __shared__ float of_warp[kWarps];
  const int first = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  const int step = static_cast<int>(gridDim.x) * kThreads;
  float largest = 0.0f;
  for (int i = first; i < n; i += step) largest = Larger{}(largest, fabsf(gradients[i]));
  largest = Right::block_reduce(largest, of_warp, Larger{});
  float sum = 0.0f;
  if (largest > 0.0f) {
    for (int i = first; i < n; i += step) {
      const float share = gradients[i] / largest;
      sum += share * share;
    }
  }
  sum = Right::block_reduce(sum, of_warp, Add{});
  if (threadIdx.x == 0) {
    scratch[blockIdx.x] = largest;
    scratch[gridDim.x + blockIdx.x] = sum;
  }
}

void index_of_32_bits(const float* gradients, float* scratch, float* norm, float* factor, std::int64_t n,
                      float max_norm, cudaStream_t stream) {
  const unsigned blocks = blocks_for(n);
  index_of_32_bits_kernel<<<blocks, kThreads, 0, stream>>>(gradients, scratch, n);
  join_kernel<Right><<<1, kThreads, 0, stream>>>(scratch, norm, factor, static_cast<int>(blocks), max_norm);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(GradientNorm, index_of_32_bits, index_of_32_bits);

}  // namespace
}  // namespace wb
