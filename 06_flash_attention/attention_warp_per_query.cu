// Attention with one warp per query, forward: the kernel that a beginner may write after a lesson on
// shuffles.
//
// Half a warp holds a row: lane l has four features of each 64, and both halves hold the query. For every key
// a half reads one row, multiplies it feature by feature and adds the 16 partial sums with four shuffles. So
// a warp processes two keys at a time. Each half has an online softmax of its own over every other key
// (attention_thread_per_query.cu has the recurrence), and at the end the two are merged. There is no shared
// memory, no tile and no barrier. A row of keys is loaded once per query and used once.
//
// So every load of this kernel depends on the layout of k and v. If a head's features are consecutive, a
// request of a warp is 32 loads of 16 bytes: 16 sectors of 32 bytes, of which all bytes are used. If they are
// a stride apart, there are four requests. Each needs 16 sectors or more, of which 4 or 8 bytes are used.
//
// Grid: 8 queries per block. FLOPs: 4 B H T^2 D, half of it when causal. Bytes: 8 B H T^2 D read through the
// caches, half of it when causal; at least 4 times that through strides. Next: attention_solution.cu. Its
// tiles in shared memory serve 64 queries per load, so the layout hardly affects its time.
#include <cfloat>
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_lanes.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kLanes = 16;  // per row
constexpr int kAtOnce = 4;  // rows that a half has on their way at a time
constexpr int kGroups = 32 / kLanes;

template <int kHead, bool kFloat4s>
__global__ void __launch_bounds__(kThreads)
    attention_forward_warps_kernel(HeadsView<const float> q,  // (B, T, H, D)
                                   HeadsView<const float> k,  // (B, T, K, D)
                                   HeadsView<const float> v,  // (B, T, K, D)
                                   HeadsView<float> out,      // (B, T, H, D)
                                   float* lse,                // (B, H, T)
                                   AttentionShape shape) {
  using namespace flash;
  using Row = LaneRow<kHead, kLanes>;
  const int heads = shape.b * shape.h;
  // Late queries see the most keys. Their blocks start first, so that none is left for the end.
  const int t = shape.t - 1 - static_cast<int>(blockIdx.x / heads * kWarps + threadIdx.x / 32);
  // A whole warp leaves or stays: shuffles below need all of its lanes.
  if (t < 0) return;
  const int h = static_cast<int>(blockIdx.x % shape.h);
  const int b = static_cast<int>(blockIdx.x / shape.h % shape.b);
  const int kv_head = h / (shape.h / shape.kv);
  const HeadMatrix<const float> keys = head_matrix(k, b, kv_head);
  const HeadMatrix<const float> values = head_matrix(v, b, kv_head);

  Row query = load_row<kHead, kLanes, false>(head_matrix(q, b, h), t, shape.d);
  scale(query, shape.scale);
  Row sum;
  float max = -FLT_MAX;
  float weights = 0.0f;
  const int last = shape.causal ? t : shape.t - 1;
  for_rows<kLanes, kAtOnce>(0, last, [&](int first, auto guarded) {
    Row value[kAtOnce];
    float score[kAtOnce];
    float new_max = max;
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int s = first + i * kGroups;
      const bool counts = !decltype(guarded)::value || s <= last;
      const float product = dot(query, load_row<kHead, kLanes, kFloat4s>(keys, counts ? s : last, shape.d));
      value[i] = load_row<kHead, kLanes, kFloat4s>(values, counts ? s : last, shape.d);
      score[i] = counts ? product : -INFINITY;
      new_max = fmaxf(new_max, score[i]);
    }
    const float correction = expf(max - new_max);
    max = new_max;
    weights *= correction;
    scale(sum, correction);
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const float weight = expf(score[i] - max);
      weights += weight;
      add_to(sum, weight, value[i]);
    }
  });

  // Merge the softmaxes of the halves.
  const float largest = over_groups<kLanes>(max, [](float x, float y) { return fmaxf(x, y); });
  const float correction = expf(max - largest);
  weights = over_groups<kLanes>(weights * correction, [](float x, float y) { return x + y; });
  scale(sum, correction);
  sum_groups(sum);
  store_row(head_matrix(out, b, h), sum, 1.0f / weights, t, shape.d);
  if (threadIdx.x % 32 == 0) {
    lse[(static_cast<std::int64_t>(b) * shape.h + h) * shape.t + t] = largest + logf(weights);
  }
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
  using namespace flash;
  attention_check_forward(q, k, v, out, saved, shape);
  const std::int64_t per_head = (shape.t + kWarps - 1) / kWarps;
  const unsigned int blocks = attention_grid(per_head * shape.b * shape.h);
  with_lane_width(shape.d, [&](auto head) {
    with_constant(is_made_of_float4s(k, shape.d) && is_made_of_float4s(v, shape.d), [&](auto float4s) {
      constexpr int kHead = decltype(head)::value;
      constexpr bool kFloat4s = decltype(float4s)::value;
      attention_forward_warps_kernel<kHead, kFloat4s>
          <<<blocks, kThreads, 0, stream>>>(q, k, v, out, saved, shape);
      WB_CHECK_LAUNCH();
    });
  });
}

WB_REGISTER(AttentionMemoryUse, warp_per_query, attention_memory_warp_per_query);
WB_REGISTER(AttentionForward, warp_per_query, attention_forward_warp_per_query);

}  // namespace wb
