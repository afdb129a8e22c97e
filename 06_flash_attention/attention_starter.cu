// Your turn: flash attention and its gradient. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each step:
//
//     ./workbook check 06 attention
//
// One thread owns one query (forward, dq) or one key (dk, dv). In the forward pass, a block shares tiles of
// keys and values in shared memory; the backward pass reads them from global memory. Every kernel has its
// launcher: the missing code is inside the kernels. Given to you: a head of one sequence as a matrix,
// keys.at(s, c) (attention_heads.cuh).
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_heads.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

using flash::head_matrix;
using flash::HeadMatrix;

constexpr int kQueries = 64;  // threads of a block, a query or a key each
constexpr int kTile = 32;     // keys and values in shared memory at a time

// The row of a head in registers; features past d are 0.
template <int kHead>
__device__ void load_row(float (&row)[kHead], const HeadMatrix<const float>& head, int t, int d) {
#pragma unroll
  for (int c = 0; c < kHead; ++c) row[c] = c < d ? head.at(t, c) : 0.0f;
}

// ---- Forward: block (tile of queries, head, sequence), thread i owns query first + i ----

template <int kHead>
__global__ void attention_forward_kernel(HeadsView<const float> q,  // (B, T, H, D)
                                         HeadsView<const float> k,  // (B, T, K, D)
                                         HeadsView<const float> v,  // (B, T, K, D)
                                         HeadsView<float> out,      // (B, T, H, D)
                                         float* lse,                // (B, H, T)
                                         AttentionShape shape) {
  __shared__ float k_tile[kTile][kHead];
  __shared__ float v_tile[kTile][kHead];
  const int query = static_cast<int>(blockIdx.x) * kQueries + static_cast<int>(threadIdx.x);
  const int h = static_cast<int>(blockIdx.y);
  const int b = static_cast<int>(blockIdx.z);
  // TODO 6: Which key/value head do queries of head h read? Neighboring heads form groups of H / K.
  const int kv_head = 0;
  const HeadMatrix<const float> keys = head_matrix(k, b, kv_head);
  const HeadMatrix<const float> values = head_matrix(v, b, kv_head);

  // Threads past the last query help to load. What they compute is not stored.
  float q_row[kHead];
  load_row(q_row, head_matrix(q, b, h), min(query, shape.t - 1), shape.d);

  float sum[kHead] = {};      // of weight * value, so far
  float weights = 0.0f;       // the sum of the weights, so far
  float maximum = -INFINITY;  // of the scores, so far
  for (int first = 0; first < shape.t; first += kTile) {
    // TODO 1: Load keys and values first .. first + kTile - 1 into the tiles, all threads together; rows past
    //         T and features past D become 0. At which two places must the block wait?

    const int keys_here = min(kTile, shape.t - first);
    for (int s = 0; s < keys_here; ++s) {
      // TODO 4: When causal, a query sees no key after it: `continue`.

      // TODO 3a: score = scale * (query . key), and weight = exp(score).
      // TODO 3b: exp(score) overflows. Use exp(score - maximum), with the maximum of the scores so far.
      //          If it grows, `sum` and `weights` are relative to the old maximum: multiply both by
      //          exp(old - new).
      const float weight = 1.0f;

      // TODO 2: Add the weight to `weights`, and weight * value to `sum`.
    }
  }

  if (query >= shape.t) return;
  const HeadMatrix<float> result = head_matrix(out, b, h);
#pragma unroll
  for (int c = 0; c < kHead; ++c) {
    if (c < shape.d) result.at(query, c) = sum[c] / weights;
  }
  // TODO 5: Store the log of the sum of exp(score), which is all that backward needs of this row.
  //         lse is (B, H, T). What must be added to the log of `weights`?
}

AttentionMemory attention_memory_starter(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, rows};  // the log-sum-exp; delta
}

void attention_forward_starter(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                               HeadsView<float> out, float* saved, const AttentionShape& shape,
                               cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  const dim3 grid((shape.t + kQueries - 1) / kQueries, shape.h, shape.b);
  flash::with_head_width(shape.d, [&](auto head) {
    attention_forward_kernel<decltype(head)::value>
        <<<grid, kQueries, 0, stream>>>(q, k, v, out, saved, shape);
    WB_CHECK_LAUNCH();
  });
}

// ---- Backward: only the log-sum-exp was stored, so the probabilities are computed again ----

// a . b, of a row in registers and one in memory.
template <int kHead>
__device__ float dot(const float (&row)[kHead], const HeadMatrix<const float>& head, int t, int d) {
  float sum = 0.0f;
#pragma unroll
  for (int c = 0; c < kHead; ++c) {
    if (c < d) sum += row[c] * head.at(t, c);
  }
  return sum;
}

// sum += factor * row t of the head.
template <int kHead>
__device__ void add_row(float (&sum)[kHead], float factor, const HeadMatrix<const float>& head, int t,
                        int d) {
#pragma unroll
  for (int c = 0; c < kHead; ++c) {
    if (c < d) sum[c] += factor * head.at(t, c);
  }
}

template <int kHead>
__device__ void store_row(const HeadMatrix<float>& head, const float (&row)[kHead], int t, int d) {
#pragma unroll
  for (int c = 0; c < kHead; ++c) {
    if (c < d) head.at(t, c) = row[c];
  }
}

// Thread i of a block owns query first + i: it stores dq and delta, which the other kernel reads.
template <int kHead>
__global__ void attention_backward_query_kernel(HeadsView<const float> dout,  // (B, T, H, D)
                                                HeadsView<const float> q,     // (B, T, H, D)
                                                HeadsView<const float> k,     // (B, T, K, D)
                                                HeadsView<const float> v,     // (B, T, K, D)
                                                HeadsView<const float> out,   // (B, T, H, D)
                                                const float* lse,             // (B, H, T)
                                                float* delta,                 // (B, H, T)
                                                HeadsView<float> dq,          // (B, T, H, D)
                                                AttentionShape shape) {
  const int t = static_cast<int>(blockIdx.x) * kQueries + static_cast<int>(threadIdx.x);
  const int h = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
  if (t >= shape.t) return;
  const int kv_head = h / (shape.h / shape.kv);
  const HeadMatrix<const float> keys = head_matrix(k, b, kv_head), values = head_matrix(v, b, kv_head);
  const std::int64_t row = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t + t;

  float q_row[kHead], dout_row[kHead];
  load_row(q_row, head_matrix(q, b, h), t, shape.d);
  load_row(dout_row, head_matrix(dout, b, h), t, shape.d);
  // TODO 8: delta = dout . out of this query, the mean of dp that the softmax subtracts.
  const float query_delta = 0.0f;
  delta[row] = query_delta;

  float dq_row[kHead] = {};
  const int keys_seen = shape.causal ? t + 1 : shape.t;
  for (int s = 0; s < keys_seen; ++s) {
    // TODO 9: p as in TODO 7; dp = dout . value; then ds = p (dp - delta) scale, and dq += ds * key.
  }
  store_row(head_matrix(dq, b, h), dq_row, t, shape.d);
}

// Thread i of a block owns key first + i: it stores dk and dv, summed over the queries of all heads of its
// group.
template <int kHead>
__global__ void attention_backward_key_kernel(HeadsView<const float> dout,  // (B, T, H, D)
                                              HeadsView<const float> q,     // (B, T, H, D)
                                              HeadsView<const float> k,     // (B, T, K, D)
                                              HeadsView<const float> v,     // (B, T, K, D)
                                              const float* lse,             // (B, H, T)
                                              const float* delta,           // (B, H, T)
                                              HeadsView<float> dk,          // (B, T, K, D)
                                              HeadsView<float> dv,          // (B, T, K, D)
                                              AttentionShape shape) {
  const int s = static_cast<int>(blockIdx.x) * kQueries + static_cast<int>(threadIdx.x);
  const int kv_head = static_cast<int>(blockIdx.y), b = static_cast<int>(blockIdx.z);
  if (s >= shape.t) return;
  const int group = shape.h / shape.kv;

  float k_row[kHead], v_row[kHead];
  load_row(k_row, head_matrix(k, b, kv_head), s, shape.d);
  load_row(v_row, head_matrix(v, b, kv_head), s, shape.d);
  float dk_row[kHead] = {}, dv_row[kHead] = {};
  for (int h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    const HeadMatrix<const float> queries = head_matrix(q, b, h), douts = head_matrix(dout, b, h);
    const std::int64_t first_row = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for (int t = shape.causal ? s : 0; t < shape.t; ++t) {
      // TODO 7: Compute the score again, and from it and lse[first_row + t] the probability p. No maximum and
      //         no sum is needed. Then dv += p * dout of query t.

      // TODO 10: ds as in TODO 9, with delta[first_row + t]; then dk += ds * query t.
    }
  }
  store_row(head_matrix(dk, b, kv_head), dk_row, s, shape.d);
  store_row(head_matrix(dv, b, kv_head), dv_row, s, shape.d);
}

void attention_backward_starter(HeadsView<const float> dout, HeadsView<const float> q,
                                HeadsView<const float> k, HeadsView<const float> v,
                                HeadsView<const float> out, const float* saved, HeadsView<float> dq,
                                HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                                const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  attention_check_gradients(dout, dq, dk, dv, scratch, shape);
  const unsigned int tiles = (shape.t + kQueries - 1) / kQueries;
  flash::with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    attention_backward_query_kernel<kHead><<<dim3(tiles, shape.h, shape.b), kQueries, 0, stream>>>(
        dout, q, k, v, out, saved, scratch, dq, shape);
    WB_CHECK_LAUNCH();
    attention_backward_key_kernel<kHead><<<dim3(tiles, shape.kv, shape.b), kQueries, 0, stream>>>(
        dout, q, k, v, saved, scratch, dk, dv, shape);
    WB_CHECK_LAUNCH();
  });
}

}  // namespace

WB_REGISTER(AttentionMemoryUse, starter, attention_memory_starter);
WB_REGISTER(AttentionForward, starter, attention_forward_starter);
WB_REGISTER(AttentionBackward, starter, attention_backward_starter);

}  // namespace wb
