// The global norm of all gradients in two launches, for clipping.
//
//     ./workbook check 07 fix_gradient_norm
//
// TODO: Every test passes, and two trainings with one seed can still differ from some step on. Find out
//       why, and fix it. The lesson (README.md) has the symptom and the tools.
//
// Squares of gradients overflow above 1.8e19, so each block looks for its largest magnitude first, and adds
// up the squares of g / largest. The second kernel joins the blocks in the same way.
#include <algorithm>
#include <cstdint>

#include "07_tinyllama/fixits/fix_gradient_norm.h"
#include "common/core/check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

struct Larger {
  // NaN where one of them is NaN, unlike fmaxf.
  __device__ float operator()(float a, float b) const { return a > b || isnan(a) ? a : b; }
};
struct Add {
  __device__ float operator()(float a, float b) const { return a + b; }
};

// Combines the values of all threads of the block, and gives every thread the result.
template <class Combine>
__device__ float block_reduce(float value, float* of_warp, Combine combine) {
  for (int distance = 16; distance > 0; distance /= 2) {
    value = combine(value, __shfl_xor_sync(0xffffffffu, value, distance));
  }
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
  __syncthreads();
  float result = of_warp[0];
  for (int warp = 1; warp < kWarps; ++warp) result = combine(result, of_warp[warp]);
  return result;
}

// Block b has elements b * kThreads + thread, and then every (threads of the grid)-th.
__global__ void blocks_kernel(const float* gradients,  // (n)
                              float* scratch,          // (2, gridDim.x): largest magnitudes, then sums
                              std::int64_t n) {
  __shared__ float of_warp[kWarps];
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;

  float largest = 0.0f;
  for (std::int64_t i = first; i < n; i += step) largest = Larger{}(largest, fabsf(gradients[i]));
  largest = block_reduce(largest, of_warp, Larger{});

  float sum = 0.0f;
  if (largest > 0.0f) {
    for (std::int64_t i = first; i < n; i += step) {
      const float share = gradients[i] / largest;
      sum += share * share;
    }
  }
  sum = block_reduce(sum, of_warp, Add{});

  if (threadIdx.x == 0) {
    scratch[blockIdx.x] = largest;
    scratch[gridDim.x + blockIdx.x] = sum;
  }
}

// One block: thread b has the results of block b.
__global__ void join_kernel(const float* scratch,  // (2, blocks)
                            float* norm,           // (1)
                            float* factor,         // (1)
                            int blocks, float max_norm) {
  __shared__ float of_warp[kWarps];
  const int block = static_cast<int>(threadIdx.x);
  const float mine = block < blocks ? scratch[block] : 0.0f;
  const float largest = block_reduce(mine, of_warp, Larger{});

  float sum = 0.0f;
  if (block < blocks && largest > 0.0f) {
    const float share = mine / largest;
    sum = share * share * scratch[blocks + block];
  }
  sum = block_reduce(sum, of_warp, Add{});

  if (threadIdx.x != 0) return;
  const float length = isfinite(largest) ? largest * sqrtf(sum) : largest;
  *norm = length;
  *factor = !isfinite(length) ? 0.0f : length > max_norm ? max_norm / length : 1.0f;
}

void gradient_norm_starter(const float* gradients, float* scratch, float* norm, float* factor, std::int64_t n,
                           float max_norm, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(max_norm > 0.0f, max_norm);
  WB_REQUIRE(gradients != nullptr && is_aligned(gradients), gradients);
  WB_REQUIRE(scratch != nullptr && is_aligned(scratch), scratch);
  WB_REQUIRE(norm != nullptr && is_aligned(norm), norm);
  WB_REQUIRE(factor != nullptr && is_aligned(factor), factor);
  const int blocks = static_cast<int>(std::min<std::int64_t>((n - 1) / kThreads + 1, kGradientNormBlocks));
  blocks_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(gradients, scratch, n);
  WB_CHECK_LAUNCH();
  join_kernel<<<1, kThreads, 0, stream>>>(scratch, norm, factor, blocks, max_norm);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(GradientNorm, starter, gradient_norm_starter);

}  // namespace wb
