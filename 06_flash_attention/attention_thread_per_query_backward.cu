// Attention with one thread per query or key, backward: each sum of attention_backward_solution.cu as a
// loop.
//
// dQ: one thread per query loops over the keys that it sees, and also stores delta. dK and dV: one thread per
// key loops over the queries that see it, of every query head of its group. It reads its key and its value
// from memory again for every query, because its registers hold only the two sums.
//
// Grid: 64 queries or keys per block. FLOPs: 14 B H T^2 D, half of it when causal. Scratch: delta, (B, H, T).
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace flash;

constexpr int kThreads = 64;

template <int kHead, class T>
__global__ void __launch_bounds__(kThreads)
    attention_backward_query_kernel(HeadsView<const T> dout,  // (B, T, H, D)
                                    HeadsView<const T> q,     // (B, T, H, D)
                                    HeadsView<const T> k,     // (B, T, K, D)
                                    HeadsView<const T> v,     // (B, T, K, D)
                                    HeadsView<const T> out,   // (B, T, H, D)
                                    const float* lse,         // (B, H, T)
                                    float* delta,             // (B, H, T), written
                                    HeadsView<T> dq,          // (B, T, H, D)
                                    AttentionShape shape) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int t = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const int kv_head = h / (shape.h / shape.kv);
  const RowReader keys(head_matrix(k, b, kv_head), shape.d);
  const RowReader values(head_matrix(v, b, kv_head), shape.d);

  const Row<kHead> query = RowReader(head_matrix(q, b, h), shape.d).template load<kHead>(t);
  const Row<kHead> dresult = RowReader(head_matrix(dout, b, h), shape.d).template load<kHead>(t);
  const float query_delta = RowReader(head_matrix(out, b, h), shape.d).dot(dresult, t);
  const float query_lse = lse[row];
  Row<kHead> dquery;
  const int last = shape.causal ? t : shape.t - 1;
  for (int s = 0; s <= last; ++s) {
    const float p = expf(shape.scale * keys.dot(query, s) - query_lse);
    keys.add_to(dquery, p * (values.dot(dresult, s) - query_delta), s);
  }
  store_row(head_matrix(dq, b, h), dquery, shape.scale, t, shape.d);
  delta[row] = query_delta;
}

template <int kHead, class T>
__global__ void __launch_bounds__(kThreads)
    attention_backward_key_kernel(HeadsView<const T> dout,  // (B, T, H, D)
                                  HeadsView<const T> q,     // (B, T, H, D)
                                  HeadsView<const T> k,     // (B, T, K, D)
                                  HeadsView<const T> v,     // (B, T, K, D)
                                  const float* lse,         // (B, H, T)
                                  const float* delta,       // (B, H, T)
                                  HeadsView<T> dk,          // (B, T, K, D)
                                  HeadsView<T> dv,          // (B, T, K, D)
                                  AttentionShape shape) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.kv * shape.t) return;
  const int s = static_cast<int>(row % shape.t);
  const int kv_head = static_cast<int>(row / shape.t % shape.kv);
  const int b = static_cast<int>(row / shape.t / shape.kv);
  const int heads_per_kv = shape.h / shape.kv;

  const RowReader keys(head_matrix(k, b, kv_head), shape.d);
  const RowReader values(head_matrix(v, b, kv_head), shape.d);

  Row<kHead> dkey;
  Row<kHead> dvalue;
  for (int h = kv_head * heads_per_kv; h < (kv_head + 1) * heads_per_kv; ++h) {
    const RowReader queries(head_matrix(q, b, h), shape.d);
    const RowReader dresults(head_matrix(dout, b, h), shape.d);
    const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for (int t = shape.causal ? s : 0; t < shape.t; ++t) {
      const float p = expf(shape.scale * queries.template dot<kHead>(t, keys, s) - lse[row_of_head + t]);
      dresults.add_to(dvalue, p, t);
      queries.add_to(dkey, p * (dresults.template dot<kHead>(t, values, s) - delta[row_of_head + t]), t);
    }
  }
  store_row(head_matrix(dk, b, kv_head), dkey, shape.scale, s, shape.d);
  store_row(head_matrix(dv, b, kv_head), dvalue, 1.0f, s, shape.d);
}

// One thread for each row of each of `heads` heads of each sequence.
unsigned int blocks_for(const AttentionShape& shape, int heads) {
  const std::int64_t rows = static_cast<std::int64_t>(shape.b) * heads * shape.t;
  return attention_grid((rows + kThreads - 1) / kThreads);
}

}  // namespace

template <class T>
void attention_backward_thread_per_query(HeadsView<const T> dout, HeadsView<const T> q, HeadsView<const T> k,
                                         HeadsView<const T> v, HeadsView<const T> out, const float* saved,
                                         HeadsView<T> dq, HeadsView<T> dk, HeadsView<T> dv, float* scratch,
                                         const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  attention_check_gradients(dout, dq, dk, dv, scratch, shape);
  with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    attention_backward_query_kernel<kHead, T>
        <<<blocks_for(shape, shape.h), kThreads, 0, stream>>>(dout, q, k, v, out, saved, scratch, dq, shape);
    WB_CHECK_LAUNCH();
    attention_backward_key_kernel<kHead, T>
        <<<blocks_for(shape, shape.kv), kThreads, 0, stream>>>(dout, q, k, v, saved, scratch, dk, dv, shape);
    WB_CHECK_LAUNCH();
  });
}

WB_REGISTER(AttentionBackward, thread_per_query, attention_backward_thread_per_query<float>);
WB_REGISTER(AttentionBackwardBf16, thread_per_query, attention_backward_thread_per_query<bf16>);

}  // namespace wb
