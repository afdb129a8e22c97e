// Flash attention, forward (Dao et al., 2022; online softmax: Milakov and Gimelshein, 2018).
//
// The score matrix (T, T) is never stored. A block keeps 16 kRows queries in shared memory and loops over the
// keys, 32 at a time. It computes scores in registers, and updates the maximum, the sum of the weights, and
// the weighted sum of the values. If a tile has a larger maximum, the sums so far are multiplied by exp(old -
// new). The result is exact except for rounding. Backward needs only one number per query, the log-sum-exp.
//
// Grid: one block per tile of queries of one head of one sequence. Threads: see attention_tiles.cuh.
// GQA: query head h reads key/value head h / (H / K) through the view; nothing is copied.
// FLOPs: 4 B H T^2 D, half of it when causal, since tiles above the diagonal are skipped.
// Bytes: q and out once; k and v once per tile of queries, mostly from L2; B H T for the log-sum-exp.
// Next: attention_backward_solution.cu.
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_tiles.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

// Short sequences need many blocks to fill a GPU; long ones gain from more queries for each key loaded.
constexpr int kShortSequence = 128;

template <int kHead>
constexpr int forward_bytes(int rows) {
  const int queries = rows * flash::kGroups;
  const int floats = flash::head_floats<kHead>(queries + 2 * flash::kTile) + flash::weight_floats(queries);
  return floats * static_cast<int>(sizeof(float));
}

template <int kHead, int kRows, class T>
__global__ void __launch_bounds__(flash::kThreads)
    attention_forward_kernel(HeadsView<const T> q,  // (B, T, H, D)
                             HeadsView<const T> k,  // (B, T, K, D)
                             HeadsView<const T> v,  // (B, T, K, D)
                             HeadsView<T> out,      // (B, T, H, D)
                             float* lse,            // (B, H, T)
                             AttentionShape shape) {
  using namespace flash;
  constexpr int kQueries = kRows * kGroups;
  extern __shared__ float4 shared[];
  float* q_tile = reinterpret_cast<float*>(shared);       // (kQueries, kHeadStride)
  float* k_tile = q_tile + head_floats<kHead>(kQueries);  // (kTile, kHeadStride)
  float* v_tile = k_tile + head_floats<kHead>(kTile);     // (kTile, kHeadStride)
  float* p_tile = v_tile + head_floats<kHead>(kTile);     // (kQueries, kWeightStride)

  // Later queries see more keys when causal: start the longest blocks first.
  const int tiles = (shape.t + kQueries - 1) / kQueries;
  const int first_query = (tiles - 1 - static_cast<int>(blockIdx.x % tiles)) * kQueries;
  const int sequence_head = blockIdx.x / tiles;
  const int b = sequence_head / shape.h;
  const int h = sequence_head % shape.h;
  const int kv_head = h / (shape.h / shape.kv);
  const HeadMatrix<const T> keys = head_matrix(k, b, kv_head);
  const HeadMatrix<const T> values = head_matrix(v, b, kv_head);
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  float row_max[kRows];
  float row_sum[kRows];  // of this lane's columns only; the lanes are added up at the end
  float2 sums[kRows][kPairs<kHead>];
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    row_max[i] = -INFINITY;
    row_sum[i] = 0.0f;
#pragma unroll
    for (int p = 0; p < kPairs<kHead>; ++p) sums[i][p] = make_float2(0.0f, 0.0f);
  }

  load_tile<kQueries, kHead>(q_tile, head_matrix(q, b, h), first_query, shape.t, shape.d);
  const int last_key = shape.causal ? min(shape.t, first_query + kQueries) : shape.t;
  for (int first_key = 0; first_key < last_key; first_key += kTile) {
    load_tile<kTile, kHead>(k_tile, keys, first_key, shape.t, shape.d);
    load_tile<kTile, kHead>(v_tile, values, first_key, shape.t, shape.d);
    __syncthreads();

    float scores[kRows][kColumns];
    tile_dots<kRows, kHead>(q_tile, k_tile, scores);
    float new_max[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      new_max[i] = row_max[i];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int key = first_key + lane + j * kLanes;
        const bool masked = key >= shape.t || (shape.causal && key > first_query + group + i * kGroups);
        scores[i][j] = masked ? -INFINITY : shape.scale * scores[i][j];
        new_max[i] = fmaxf(new_max[i], scores[i][j]);
      }
    }
    // Key 0 is visible to every query, so the maximum is finite from the first tile on.
    combine_lanes(new_max, p_tile, [](float x, float y) { return fmaxf(x, y); });
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const float correction = expf(row_max[i] - new_max[i]);
      row_max[i] = new_max[i];
      row_sum[i] *= correction;
#pragma unroll
      for (int p = 0; p < kPairs<kHead>; ++p) {
        sums[i][p].x *= correction;
        sums[i][p].y *= correction;
      }
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const float weight = expf(scores[i][j] - new_max[i]);
        row_sum[i] += weight;
        p_tile[(group + i * kGroups) * kWeightStride + lane + j * kLanes] = weight;
      }
    }
    // A row of weights is written and read by lanes of the same warp.
    __syncwarp();
    add_weighted_rows<kRows, kHead>(p_tile, v_tile, sums);
    // The next keys overwrite what other warps may still be reading.
    __syncthreads();
  }

  combine_lanes(row_sum, p_tile, [](float x, float y) { return x + y; });
  const HeadMatrix<T> target = head_matrix(out, b, h);
  float* head_lse = lse + static_cast<std::int64_t>(sequence_head) * shape.t;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    if (query < shape.t) {
      store_row<kHead>(target, sums[i], 1.0f / row_sum[i], query, shape.d);
      if (lane == 0) head_lse[query] = row_max[i] + logf(row_sum[i]);
    }
  }
}

template <int kHead, int kRows, class T>
void launch_forward(HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v, HeadsView<T> out,
                    float* lse, const AttentionShape& shape, cudaStream_t stream) {
  constexpr int kBytes = forward_bytes<kHead>(kRows);
  flash::allow_shared_memory(attention_forward_kernel<kHead, kRows, T>, kBytes);
  const std::int64_t tiles = (shape.t + kRows * flash::kGroups - 1) / (kRows * flash::kGroups);
  const unsigned int blocks = attention_grid(tiles * shape.b * shape.h);
  attention_forward_kernel<kHead, kRows, T>
      <<<blocks, flash::kThreads, kBytes, stream>>>(q, k, v, out, lse, shape);
  WB_CHECK_LAUNCH();
}

AttentionMemory attention_memory_solution(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t rows = static_cast<std::size_t>(shape.b) * shape.h * shape.t;
  return {rows, rows};
}

// T: what is stored, float or bf16.
template <class T>
void attention_forward_solution(HeadsView<const T> q, HeadsView<const T> k, HeadsView<const T> v,
                                HeadsView<T> out, float* saved, const AttentionShape& shape,
                                cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  flash::with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    const auto launch = [&](auto rows) {
      launch_forward<kHead, decltype(rows)::value, T>(q, k, v, out, saved, shape, stream);
    };
    if (shape.t <= kShortSequence) {
      flash::with_rows_that_fit<forward_bytes<kHead>, 2>(launch);
    } else {
      flash::with_rows_that_fit<forward_bytes<kHead>, 4>(launch);
    }
  });
}

}  // namespace

WB_REGISTER(AttentionMemoryUse, solution, attention_memory_solution);
WB_REGISTER(AttentionMemoryUseBf16, solution, attention_memory_solution);
WB_REGISTER(AttentionForward, solution, attention_forward_solution<float>);
WB_REGISTER(AttentionForwardBf16, solution, attention_forward_solution<bf16>);

}  // namespace wb
