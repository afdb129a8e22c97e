// Attention with one thread per query, forward: the online softmax without its tiles.
//
// A thread keeps its query and its result in registers and reads every key and value that it may see from
// global memory. Threads share nothing, so there is no barrier and no shuffle. This is the simplest form of
// the recurrence
//
//   m' = max(m, s)    l' = l exp(m - m') + exp(s - m')    o' = o exp(m - m') + exp(s - m') v
//
// Keys and values are read once per query instead of once per tile of queries, T times in total, so their
// layout affects every step. A contiguous row takes D / 4 loads, and a strided row takes D.
//
// Grid: 64 queries per block. FLOPs: 4 B H T^2 D, half of it when causal. Bytes: 8 B H T^2 D read, mostly
// from cache, half of it when causal. Wide heads do not fit in the registers and spill. Next:
// attention_solution.cu, where 32 or 64 queries share what a block has loaded.
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 64;

template <int kHead, class T>
__global__ void __launch_bounds__(kThreads)
    attention_forward_rows_kernel(HeadsView<const T> q,  // (B, T, H, D)
                                  HeadsView<const T> k,  // (B, T, K, D)
                                  HeadsView<const T> v,  // (B, T, K, D)
                                  HeadsView<T> out,      // (B, T, H, D)
                                  float* lse,            // (B, H, T)
                                  AttentionShape shape) {
  using namespace flash;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int t = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const int kv_head = h / (shape.h / shape.kv);
  const RowReader keys(head_matrix(k, b, kv_head), shape.d);
  const RowReader values(head_matrix(v, b, kv_head), shape.d);

  const Row<kHead> query = RowReader(head_matrix(q, b, h), shape.d).template load<kHead>(t);
  Row<kHead> sum;
  float max = -INFINITY;
  float weights = 0.0f;
  const int last = shape.causal ? t : shape.t - 1;
  for (int s = 0; s <= last; ++s) {
    const float score = shape.scale * keys.dot(query, s);
    if (score > max) {
      const float correction = expf(max - score);
      max = score;
      weights *= correction;
      scale_row(sum, correction);
    }
    const float weight = expf(score - max);
    weights += weight;
    values.add_to(sum, weight, s);
  }
  store_row(head_matrix(out, b, h), sum, 1.0f / weights, t, shape.d);
  lse[row] = max + logf(weights);
}

template <int kHead, class T>
void launch(HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v, HeadsView<T> out, float* lse,
            const AttentionShape& shape, cudaStream_t stream) {
  const std::int64_t rows = static_cast<std::int64_t>(shape.b) * shape.h * shape.t;
  const unsigned int blocks = attention_grid((rows + kThreads - 1) / kThreads);
  attention_forward_rows_kernel<kHead, T><<<blocks, kThreads, 0, stream>>>(q, k, v, out, lse, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

AttentionMemory attention_memory_thread_per_query(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, rows};
}

template <class T>
void attention_forward_thread_per_query(HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v,
                                        HeadsView<T> out, float* saved, const AttentionShape& shape,
                                        cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  flash::with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    launch<kHead>(q, k, v, out, saved, shape, stream);
  });
}

WB_REGISTER(AttentionMemoryUse, thread_per_query, attention_memory_thread_per_query);
WB_REGISTER(AttentionMemoryUseBf16, thread_per_query, attention_memory_thread_per_query);
WB_REGISTER(AttentionForward, thread_per_query, attention_forward_thread_per_query<float>);
WB_REGISTER(AttentionForwardBf16, thread_per_query, attention_forward_thread_per_query<bf16>);

}  // namespace wb
