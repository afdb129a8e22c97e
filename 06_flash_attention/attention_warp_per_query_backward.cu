// Attention with one warp per query, or per key, backward: each sum of attention_backward_solution.cu as a
// loop over rows, a row spread over some lanes.
//
// dQ: one warp per query loops over the keys that it sees, two at a time, and also stores delta. It reads k
// and v row by row as the forward pass does, so their layout affects it in the same way. dK and dV: one warp
// per key loops over the queries that see it, of every query head of its group. It reads q and dout, so the
// layout of k and v matters only once per key. A row has 8 lanes here: a warp processes four queries at a
// time, and a dot product takes three shuffles.
//
// Grid: 8 queries or keys per block. FLOPs: 14 B H T^2 D, half of it when causal. Scratch: delta, (B, H, T).
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_lanes.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace flash;

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

template <int kHead, bool kFloat4s>
__global__ void __launch_bounds__(kThreads)
    attention_backward_query_warps_kernel(HeadsView<const float> dout,  // (B, T, H, D)
                                          HeadsView<const float> q,     // (B, T, H, D)
                                          HeadsView<const float> k,     // (B, T, K, D)
                                          HeadsView<const float> v,     // (B, T, K, D)
                                          HeadsView<const float> out,   // (B, T, H, D)
                                          const float* lse,             // (B, H, T)
                                          float* delta,                 // (B, H, T), written
                                          HeadsView<float> dq,          // (B, T, H, D)
                                          AttentionShape shape) {
  constexpr int kLanes = 16;
  constexpr int kAtOnce = 4;
  using Row = LaneRow<kHead, kLanes>;
  // Blocks of late queries start first, as in the forward pass.
  const int t = shape.t - 1 - static_cast<int>(blockIdx.x / (shape.b * shape.h) * kWarps + threadIdx.x / 32);
  if (t < 0) return;
  const int h = static_cast<int>(blockIdx.x % shape.h);
  const int b = static_cast<int>(blockIdx.x / shape.h % shape.b);
  const int kv_head = h / (shape.h / shape.kv);
  const HeadMatrix<const float> keys = head_matrix(k, b, kv_head);
  const HeadMatrix<const float> values = head_matrix(v, b, kv_head);
  const std::int64_t row = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t + t;

  Row query = load_row<kHead, kLanes, false>(head_matrix(q, b, h), t, shape.d);
  scale(query, shape.scale);
  const Row dresult = load_row<kHead, kLanes, false>(head_matrix(dout, b, h), t, shape.d);
  const float query_delta = dot(dresult, load_row<kHead, kLanes, false>(head_matrix(out, b, h), t, shape.d));
  const float query_lse = lse[row];
  Row dquery;
  const int last = shape.causal ? t : shape.t - 1;
  for_rows<kLanes, kAtOnce>(0, last, [&](int first, auto guarded) {
    Row key[kAtOnce];
    float factor[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const int s = first + i * (32 / kLanes);
      const bool counts = !decltype(guarded)::value || s <= last;
      key[i] = load_row<kHead, kLanes, kFloat4s>(keys, counts ? s : last, shape.d);
      const Row value = load_row<kHead, kLanes, kFloat4s>(values, counts ? s : last, shape.d);
      const float p = expf(dot(query, key[i]) - query_lse);
      const float dp = dot(dresult, value);
      factor[i] = counts ? p * (dp - query_delta) : 0.0f;
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) add_to(dquery, factor[i], key[i]);
  });
  sum_groups(dquery);
  store_row(head_matrix(dq, b, h), dquery, shape.scale, t, shape.d);
  if (threadIdx.x % 32 == 0) delta[row] = query_delta;
}

template <int kHead, bool kFloat4s>
__global__ void __launch_bounds__(kThreads)
    attention_backward_key_warps_kernel(HeadsView<const float> dout,  // (B, T, H, D)
                                        HeadsView<const float> q,     // (B, T, H, D)
                                        HeadsView<const float> k,     // (B, T, K, D)
                                        HeadsView<const float> v,     // (B, T, K, D)
                                        const float* lse,             // (B, H, T)
                                        const float* delta,           // (B, H, T)
                                        HeadsView<float> dk,          // (B, T, K, D)
                                        HeadsView<float> dv,          // (B, T, K, D)
                                        AttentionShape shape) {
  constexpr int kLanes = 8;
  constexpr int kAtOnce = 2;
  using Row = LaneRow<kHead, kLanes>;
  const int s = static_cast<int>(blockIdx.x / (shape.b * shape.kv) * kWarps + threadIdx.x / 32);
  if (s >= shape.t) return;
  const int kv_head = static_cast<int>(blockIdx.x % shape.kv);
  const int b = static_cast<int>(blockIdx.x / shape.kv % shape.b);
  const int heads_per_kv = shape.h / shape.kv;

  Row key = load_row<kHead, kLanes, false>(head_matrix(k, b, kv_head), s, shape.d);
  scale(key, shape.scale);
  const Row value = load_row<kHead, kLanes, false>(head_matrix(v, b, kv_head), s, shape.d);
  Row dkey;
  Row dvalue;
  const int last = shape.t - 1;
  for (int h = kv_head * heads_per_kv; h < (kv_head + 1) * heads_per_kv; ++h) {
    const HeadMatrix<const float> queries = head_matrix(q, b, h);
    const HeadMatrix<const float> dresults = head_matrix(dout, b, h);
    const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for_rows<kLanes, kAtOnce>(shape.causal ? s : 0, last, [&](int first, auto guarded) {
      Row query[kAtOnce];
      Row dresult[kAtOnce];
      float p[kAtOnce];
      float factor[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        const bool counts = !decltype(guarded)::value || first + i * (32 / kLanes) <= last;
        const int t = counts ? first + i * (32 / kLanes) : last;
        query[i] = load_row<kHead, kLanes, kFloat4s>(queries, t, shape.d);
        dresult[i] = load_row<kHead, kLanes, kFloat4s>(dresults, t, shape.d);
        const float probability = expf(dot(query[i], key) - lse[row_of_head + t]);
        p[i] = counts ? probability : 0.0f;
        factor[i] = p[i] * (dot(dresult[i], value) - delta[row_of_head + t]);
      }
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) {
        add_to(dvalue, p[i], dresult[i]);
        add_to(dkey, factor[i], query[i]);
      }
    });
  }
  sum_groups(dkey);
  sum_groups(dvalue);
  store_row(head_matrix(dk, b, kv_head), dkey, shape.scale, s, shape.d);
  store_row(head_matrix(dv, b, kv_head), dvalue, 1.0f, s, shape.d);
}

// One warp for each row of each of `heads` heads of each sequence.
unsigned int blocks_for(const AttentionShape& shape, int heads) {
  const std::int64_t per_head = (shape.t + kWarps - 1) / kWarps;
  return attention_grid(per_head * shape.b * heads);
}

}  // namespace

void attention_backward_warp_per_query(HeadsView<const float> dout, HeadsView<const float> q,
                                       HeadsView<const float> k, HeadsView<const float> v,
                                       HeadsView<const float> out, const float* saved, HeadsView<float> dq,
                                       HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                                       const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  attention_check_gradients(dout, dq, dk, dv, scratch, shape);
  with_lane_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    with_constant(is_made_of_float4s(k, shape.d) && is_made_of_float4s(v, shape.d), [&](auto float4s) {
      attention_backward_query_warps_kernel<kHead, decltype(float4s)::value>
          <<<blocks_for(shape, shape.h), kThreads, 0, stream>>>(dout, q, k, v, out, saved, scratch, dq,
                                                                shape);
      WB_CHECK_LAUNCH();
    });
    with_constant(is_made_of_float4s(q, shape.d) && is_made_of_float4s(dout, shape.d), [&](auto float4s) {
      attention_backward_key_warps_kernel<kHead, decltype(float4s)::value>
          <<<blocks_for(shape, shape.kv), kThreads, 0, stream>>>(dout, q, k, v, saved, scratch, dk, dv,
                                                                 shape);
      WB_CHECK_LAUNCH();
    });
  });
}

WB_REGISTER(AttentionBackward, warp_per_query, attention_backward_warp_per_query);

}  // namespace wb
