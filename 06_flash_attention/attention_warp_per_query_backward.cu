// Attention with one warp per query, or per key, backward: each sum of attention_backward_solution.cu as a
// loop over rows, a row spread over the lanes.
//
// dQ: a warp per query, over the keys that it sees; it also leaves delta behind. It reads k and v row by row
// as the forward pass does, so it shows their layout in the same way.
// dK and dV: a warp per key, over the queries that see it, of every query head of its group. It reads q and
// dout; the layout of k and v matters once per key.
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

template <int kHead>
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
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int t = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const int kv_head = h / (shape.h / shape.kv);
  const LaneReader keys(head_matrix(k, b, kv_head), shape.d);
  const LaneReader values(head_matrix(v, b, kv_head), shape.d);

  const LaneRow<kHead> query = LaneReader(head_matrix(q, b, h), shape.d).template load<kHead>(t);
  const LaneRow<kHead> dresult = LaneReader(head_matrix(dout, b, h), shape.d).template load<kHead>(t);
  const LaneRow<kHead> result = LaneReader(head_matrix(out, b, h), shape.d).template load<kHead>(t);
  const float query_delta = warp_dot(dresult, result);
  const float query_lse = lse[row];
  LaneRow<kHead> dquery;
  const int last = shape.causal ? t : shape.t - 1;
  for (int s = 0; s <= last; ++s) {
    const LaneRow<kHead> key = keys.load<kHead>(s);
    const float p = expf(shape.scale * warp_dot(query, key) - query_lse);
    const float dp = warp_dot(dresult, values.load<kHead>(s));
    add_to(dquery, p * (dp - query_delta), key);
  }
  store_row(head_matrix(dq, b, h), dquery, shape.scale, t, shape.d);
  if (threadIdx.x % 32 == 0) delta[row] = query_delta;
}

template <int kHead>
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
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.kv * shape.t) return;
  const int s = static_cast<int>(row % shape.t);
  const int kv_head = static_cast<int>(row / shape.t % shape.kv);
  const int b = static_cast<int>(row / shape.t / shape.kv);
  const int heads_per_kv = shape.h / shape.kv;

  const LaneRow<kHead> key = LaneReader(head_matrix(k, b, kv_head), shape.d).template load<kHead>(s);
  const LaneRow<kHead> value = LaneReader(head_matrix(v, b, kv_head), shape.d).template load<kHead>(s);
  LaneRow<kHead> dkey;
  LaneRow<kHead> dvalue;
  for (int h = kv_head * heads_per_kv; h < (kv_head + 1) * heads_per_kv; ++h) {
    const LaneReader queries(head_matrix(q, b, h), shape.d);
    const LaneReader dresults(head_matrix(dout, b, h), shape.d);
    const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for (int t = shape.causal ? s : 0; t < shape.t; ++t) {
      const LaneRow<kHead> query = queries.load<kHead>(t);
      const LaneRow<kHead> dresult = dresults.load<kHead>(t);
      const float p = expf(shape.scale * warp_dot(query, key) - lse[row_of_head + t]);
      add_to(dvalue, p, dresult);
      add_to(dkey, p * (warp_dot(dresult, value) - delta[row_of_head + t]), query);
    }
  }
  store_row(head_matrix(dk, b, kv_head), dkey, shape.scale, s, shape.d);
  store_row(head_matrix(dv, b, kv_head), dvalue, 1.0f, s, shape.d);
}

// One warp for each row of each of `heads` heads of each sequence.
unsigned int blocks_for(const AttentionShape& shape, int heads) {
  const std::int64_t rows = static_cast<std::int64_t>(shape.b) * heads * shape.t;
  return attention_grid((rows + kWarps - 1) / kWarps);
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
    attention_backward_query_warps_kernel<kHead>
        <<<blocks_for(shape, shape.h), kThreads, 0, stream>>>(dout, q, k, v, out, saved, scratch, dq, shape);
    WB_CHECK_LAUNCH();
    attention_backward_key_warps_kernel<kHead>
        <<<blocks_for(shape, shape.kv), kThreads, 0, stream>>>(dout, q, k, v, saved, scratch, dk, dv, shape);
    WB_CHECK_LAUNCH();
  });
}

WB_REGISTER(AttentionBackward, warp_per_query, attention_backward_warp_per_query);

}  // namespace wb
