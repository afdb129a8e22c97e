// Attention with one warp per query, forward: the kernel that a beginner writes after learning of shuffles.
//
// Lane l holds features 2 l and 2 l + 1 of the query and of the result. For every key the warp reads one row,
// multiplies it feature by feature, adds the 32 partial sums by five shuffles, updates the online softmax
// (attention_thread_per_query.cu has the recurrence) and adds the value's row. There is no shared memory, no
// tile and no barrier; a row of keys is fetched once per query and used once.
//
// So every load of this kernel shows the layout of k and v. Where a head's features are neighbours, a warp's
// request is 32 loads of 8 bytes, 256 bytes in a row: 8 sectors of 32 bytes. Where they lie a stride apart,
// it is two requests of 32 sectors each, of which 4 bytes are used: 8 times the traffic for the same floats.
//
// Grid: 8 queries per block. FLOPs: 4 B H T^2 D, half of it when causal. Bytes: 8 B H T^2 D read through the
// caches, half of it when causal; 8 times that through strides.
// Next: attention_solution.cu, whose tiles in shared memory serve 64 queries per load and hide the layout.
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_lanes.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

template <int kHead>
__global__ void __launch_bounds__(kThreads)
    attention_forward_warps_kernel(HeadsView<const float> q,  // (B, T, H, D)
                                   HeadsView<const float> k,  // (B, T, K, D)
                                   HeadsView<const float> v,  // (B, T, K, D)
                                   HeadsView<float> out,      // (B, T, H, D)
                                   float* lse,                // (B, H, T)
                                   AttentionShape shape) {
  using namespace flash;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  // A whole warp leaves or stays: shuffles below need all of its lanes.
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int t = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const int kv_head = h / (shape.h / shape.kv);
  const LaneReader keys(head_matrix(k, b, kv_head), shape.d);
  const LaneReader values(head_matrix(v, b, kv_head), shape.d);

  const LaneRow<kHead> query = LaneReader(head_matrix(q, b, h), shape.d).template load<kHead>(t);
  LaneRow<kHead> sum;
  float max = -INFINITY;
  float weights = 0.0f;
  const int last = shape.causal ? t : shape.t - 1;
  for (int s = 0; s <= last; ++s) {
    const float score = shape.scale * warp_dot(query, keys.load<kHead>(s));
    // All lanes know the score, so they agree on the branch.
    if (score > max) {
      const float correction = expf(max - score);
      max = score;
      weights *= correction;
      scale(sum, correction);
    }
    const float weight = expf(score - max);
    weights += weight;
    add_to(sum, weight, values.load<kHead>(s));
  }
  store_row(head_matrix(out, b, h), sum, 1.0f / weights, t, shape.d);
  if (threadIdx.x % 32 == 0) lse[row] = max + logf(weights);
}

}  // namespace

AttentionMemory attention_memory_warp_per_query(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, rows};
}

void attention_forward_warp_per_query(HeadsView<const float> q, HeadsView<const float> k,
                                      HeadsView<const float> v, HeadsView<float> out, float* saved,
                                      const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  const std::int64_t rows = static_cast<std::int64_t>(shape.b) * shape.h * shape.t;
  const unsigned int blocks = attention_grid((rows + kWarps - 1) / kWarps);
  flash::with_lane_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    attention_forward_warps_kernel<kHead><<<blocks, kThreads, 0, stream>>>(q, k, v, out, saved, shape);
    WB_CHECK_LAUNCH();
  });
}

WB_REGISTER(AttentionMemoryUse, warp_per_query, attention_memory_warp_per_query);
WB_REGISTER(AttentionForward, warp_per_query, attention_forward_warp_per_query);

}  // namespace wb
