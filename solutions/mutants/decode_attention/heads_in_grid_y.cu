// Mistake: counts the heads of all sequences in gridDim.y, whose limit is 65535.
// Caught as: invalid configuration argument
// Caught by: TakesManySequences
#include <cmath>

#include "03_softmax/block_reduce.cuh"
#include "06_flash_attention/decode_attention.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 128;

__global__ void heads_in_grid_y_kernel(const float* q,                 // (B, H, D)
                                       HeadsView<const float> keys,    // (B, S, K, D)
                                       HeadsView<const float> values,  // (B, S, K, D)
                                       float* out,                     // (B, H, D)
                                       DecodeAttentionShape shape) {
  __shared__ float weights[kThreads];
  const int thread = static_cast<int>(threadIdx.x), row = static_cast<int>(blockIdx.y);
  const int b = row / shape.h, head = row % shape.h / (shape.h / shape.kv);
  const float* const key = keys.data + b * keys.stride_b + head * keys.stride_h;
  const float* const value = values.data + b * values.stride_b + head * values.stride_h;
  float max = -INFINITY, sum = 0.0f, weight_sum = 0.0f;
  for (int first = 0; first < shape.s; first += kThreads) {
    const int tokens = min(kThreads, shape.s - first);
    float score = thread < tokens ? 0.0f : -INFINITY;
    for (int c = 0; c < shape.d && thread < tokens; ++c) {
      score += q[row * shape.d + c] * key[(first + thread) * keys.stride_t + c * keys.stride_d];
    }
    score *= shape.scale;
    const float larger = fmaxf(max, block_max(score));
    weights[thread] = expf(score - larger);
    sum *= expf(max - larger);
    weight_sum *= expf(max - larger);
    max = larger;
    __syncthreads();
    for (int i = 0; i < tokens; ++i) {
      weight_sum += weights[i];
      if (thread < shape.d) {
        sum += weights[i] * value[(first + i) * values.stride_t + thread * values.stride_d];
      }
    }
    __syncthreads();
  }
  if (thread < shape.d) out[row * shape.d + thread] = sum / weight_sum;
}

void heads_in_grid_y(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                     float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  const dim3 grid(1, static_cast<unsigned>(shape.b * shape.h));
  heads_in_grid_y_kernel<<<grid, kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, heads_in_grid_y, heads_in_grid_y);

}  // namespace wb
