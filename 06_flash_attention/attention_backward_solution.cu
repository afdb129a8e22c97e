// Flash attention, backward (Dao et al., 2022): the probabilities are computed again, not stored.
//
//   P = exp(scale Q K^T - lse)     dV = P^T dO            dQ = scale dS K
//   dP = dO V^T                    dS = P (dP - delta)    dK = scale dS^T Q       delta_t = dO_t . O_t
//
// There are two kernels. For dQ, a block keeps 16 kRows queries and loops over the keys. It also stores
// delta. For dK and dV, a block keeps its keys and values and loops over the queries of every query head of
// its group. So each sum has one owner and a fixed order: no atomics are needed, and every run gives the same
// bits.
//
// FLOPs: both kernels compute the scores and dP, so there are 7 products of 2 T^2 D FLOPs per head instead of
// 5. In return, no (T, T) matrix is stored and no atomics are used. Causal attention takes half, because
// tiles above the diagonal are skipped. Bytes: as in the forward pass; each tile is loaded once per tile of
// the other side. Scratch memory: delta, (B, H, T). Threads: see attention_tiles.cuh.
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_tiles.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace flash;

// Up to this T a block takes 32 rows, for more blocks; beyond it 64, for more use of each loaded tile. There
// are fewer blocks of keys than of queries where heads share them.
constexpr int kShortWalkOverKeys = 128;
constexpr int kShortWalkOverQueries = 256;

template <int kHead>
constexpr int backward_q_bytes(int rows) {
  const int queries = rows * kGroups;
  const int floats = head_floats<kHead>(2 * queries + 2 * kTile) + weight_floats(queries);
  return floats * static_cast<int>(sizeof(float));
}
template <int kHead>
constexpr int backward_kv_bytes(int rows) {
  const int keys = rows * kGroups;
  const int floats = head_floats<kHead>(2 * keys + 2 * kTile) + 2 * weight_floats(keys);
  return floats * static_cast<int>(sizeof(float));
}

template <int kHead, int kRows, class T>
__global__ void __launch_bounds__(kThreads)
    attention_backward_q_kernel(HeadsView<const T> dout,  // (B, T, H, D)
                                HeadsView<const T> q,     // (B, T, H, D)
                                HeadsView<const T> k,     // (B, T, K, D)
                                HeadsView<const T> v,     // (B, T, K, D)
                                HeadsView<const T> out,   // (B, T, H, D)
                                const float* lse,         // (B, H, T)
                                float* delta,             // (B, H, T), written
                                HeadsView<T> dq,          // (B, T, H, D)
                                AttentionShape shape) {
  constexpr int kQueries = kRows * kGroups;
  extern __shared__ float4 shared[];
  float* q_tile = reinterpret_cast<float*>(shared);          // (kQueries, kHeadStride)
  float* dout_tile = q_tile + head_floats<kHead>(kQueries);  // (kQueries, kHeadStride)
  float* k_tile = dout_tile + head_floats<kHead>(kQueries);  // (kTile, kHeadStride)
  float* v_tile = k_tile + head_floats<kHead>(kTile);        // (kTile, kHeadStride)
  float* ds_tile = v_tile + head_floats<kHead>(kTile);       // (kQueries, kWeightStride)

  const int tiles = (shape.t + kQueries - 1) / kQueries;
  const int first_query = (tiles - 1 - static_cast<int>(blockIdx.x % tiles)) * kQueries;
  const int b = blockIdx.x / tiles / shape.h;
  const int h = blockIdx.x / tiles % shape.h;
  const int kv_head = h / (shape.h / shape.kv);
  const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  float query_lse[kRows];
  float query_delta[kRows] = {};
  const HeadMatrix<const T> out_rows = head_matrix(out, b, h);
  const HeadMatrix<const T> dout_rows = head_matrix(dout, b, h);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    query_lse[i] = query < shape.t ? lse[row_of_head + query] : 0.0f;
    for (int c = lane; c < shape.d && query < shape.t; c += kLanes) {
      query_delta[i] += to_float(out_rows.at(query, c)) * to_float(dout_rows.at(query, c));
    }
  }
  combine_lanes(query_delta, ds_tile, [](float x, float y) { return x + y; });
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    if (query < shape.t && lane == 0) delta[row_of_head + query] = query_delta[i];
  }

  float2 dq_sums[kRows][kPairs<kHead>] = {};
  load_tile<kQueries, kHead>(q_tile, head_matrix(q, b, h), first_query, shape.t, shape.d);
  load_tile<kQueries, kHead>(dout_tile, dout_rows, first_query, shape.t, shape.d);

  const int last_key = shape.causal ? min(shape.t, first_query + kQueries) : shape.t;
  for (int first_key = 0; first_key < last_key; first_key += kTile) {
    load_tile<kTile, kHead>(k_tile, head_matrix(k, b, kv_head), first_key, shape.t, shape.d);
    load_tile<kTile, kHead>(v_tile, head_matrix(v, b, kv_head), first_key, shape.t, shape.d);
    __syncthreads();

    float scores[kRows][kColumns];
    float dp[kRows][kColumns];
    tile_dots<kRows, kHead>(q_tile, k_tile, scores);
    tile_dots<kRows, kHead>(dout_tile, v_tile, dp);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int row = group + i * kGroups;
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int key = first_key + lane + j * kLanes;
        const bool visible = is_visible(first_query + row, key, shape.t, shape.causal);
        const float p = visible ? expf(shape.scale * scores[i][j] - query_lse[i]) : 0.0f;
        ds_tile[row * kWeightStride + lane + j * kLanes] = p * (dp[i][j] - query_delta[i]);
      }
    }
    // A row of weights is written and read by lanes of the same warp.
    __syncwarp();
    add_weighted_rows<kRows, kHead>(ds_tile, k_tile, dq_sums);
    // The next keys overwrite what other warps may still be reading.
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    if (query < shape.t) store_row<kHead>(head_matrix(dq, b, h), dq_sums[i], shape.scale, query, shape.d);
  }
}

template <int kHead, int kRows, class T>
__global__ void __launch_bounds__(kThreads)
    attention_backward_kv_kernel(HeadsView<const T> dout,  // (B, T, H, D)
                                 HeadsView<const T> q,     // (B, T, H, D)
                                 HeadsView<const T> k,     // (B, T, K, D)
                                 HeadsView<const T> v,     // (B, T, K, D)
                                 const float* lse,         // (B, H, T)
                                 const float* delta,       // (B, H, T)
                                 HeadsView<T> dk,          // (B, T, K, D)
                                 HeadsView<T> dv,          // (B, T, K, D)
                                 AttentionShape shape) {
  constexpr int kKeys = kRows * kGroups;
  extern __shared__ float4 shared[];
  float* k_tile = reinterpret_cast<float*>(shared);       // (kKeys, kHeadStride)
  float* v_tile = k_tile + head_floats<kHead>(kKeys);     // (kKeys, kHeadStride)
  float* q_tile = v_tile + head_floats<kHead>(kKeys);     // (kTile, kHeadStride)
  float* dout_tile = q_tile + head_floats<kHead>(kTile);  // (kTile, kHeadStride)
  float* p_tile =
      dout_tile + head_floats<kHead>(kTile);       // (kKeys, kWeightStride), transposed: a row is a key
  float* ds_tile = p_tile + weight_floats(kKeys);  // (kKeys, kWeightStride), transposed

  // The first keys are seen by the most queries when causal: they start first as it is.
  const int tiles = (shape.t + kKeys - 1) / kKeys;
  const int first_key = static_cast<int>(blockIdx.x % tiles) * kKeys;
  const int b = blockIdx.x / tiles / shape.kv;
  const int kv_head = blockIdx.x / tiles % shape.kv;
  const int heads_per_kv = shape.h / shape.kv;
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  float2 dk_sums[kRows][kPairs<kHead>] = {};
  float2 dv_sums[kRows][kPairs<kHead>] = {};
  load_tile<kKeys, kHead>(k_tile, head_matrix(k, b, kv_head), first_key, shape.t, shape.d);
  load_tile<kKeys, kHead>(v_tile, head_matrix(v, b, kv_head), first_key, shape.t, shape.d);

  for (int h = kv_head * heads_per_kv; h < (kv_head + 1) * heads_per_kv; ++h) {
    const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for (int first_query = shape.causal ? first_key : 0; first_query < shape.t; first_query += kTile) {
      load_tile<kTile, kHead>(q_tile, head_matrix(q, b, h), first_query, shape.t, shape.d);
      load_tile<kTile, kHead>(dout_tile, head_matrix(dout, b, h), first_query, shape.t, shape.d);
      __syncthreads();

      float scores[kRows][kColumns];
      float dp[kRows][kColumns];
      tile_dots<kRows, kHead>(k_tile, q_tile, scores);
      tile_dots<kRows, kHead>(v_tile, dout_tile, dp);
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int query = first_query + lane + j * kLanes;
        const float query_lse = query < shape.t ? lse[row_of_head + query] : 0.0f;
        const float query_delta = query < shape.t ? delta[row_of_head + query] : 0.0f;
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          const int row = group + i * kGroups;
          const bool visible = is_visible(query, first_key + row, shape.t, shape.causal);
          const float p = visible ? expf(shape.scale * scores[i][j] - query_lse) : 0.0f;
          p_tile[row * kWeightStride + lane + j * kLanes] = p;
          ds_tile[row * kWeightStride + lane + j * kLanes] = p * (dp[i][j] - query_delta);
        }
      }
      // A row of weights is written and read by lanes of the same warp.
      __syncwarp();
      add_weighted_rows<kRows, kHead>(p_tile, dout_tile, dv_sums);
      add_weighted_rows<kRows, kHead>(ds_tile, q_tile, dk_sums);
      // The next queries overwrite what other warps may still be reading.
      __syncthreads();
    }
  }

#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int key = first_key + group + i * kGroups;
    if (key < shape.t) {
      store_row<kHead>(head_matrix(dk, b, kv_head), dk_sums[i], shape.scale, key, shape.d);
      store_row<kHead>(head_matrix(dv, b, kv_head), dv_sums[i], 1.0f, key, shape.d);
    }
  }
}

template <class T>
struct BackwardArguments {
  HeadsView<const T> dout, q, k, v, out;
  const float* lse;
  HeadsView<T> dq, dk, dv;
  float* delta;
  AttentionShape shape;
  cudaStream_t stream;
};

// One block for every kRows * 16 rows of each of `heads` heads of each sequence.
template <int kRows>
unsigned int blocks_for(const AttentionShape& shape, int heads) {
  const std::int64_t tiles = (shape.t + kRows * kGroups - 1) / (kRows * kGroups);
  return attention_grid(tiles * shape.b * heads);
}

template <int kHead, int kRows, class T>
void launch_q(const BackwardArguments<T>& a) {
  constexpr int kBytes = backward_q_bytes<kHead>(kRows);
  allow_shared_memory(attention_backward_q_kernel<kHead, kRows, T>, kBytes);
  const unsigned int blocks = blocks_for<kRows>(a.shape, a.shape.h);
  attention_backward_q_kernel<kHead, kRows, T>
      <<<blocks, kThreads, kBytes, a.stream>>>(a.dout, a.q, a.k, a.v, a.out, a.lse, a.delta, a.dq, a.shape);
  WB_CHECK_LAUNCH();
}

template <int kHead, int kRows, class T>
void launch_kv(const BackwardArguments<T>& a) {
  constexpr int kBytes = backward_kv_bytes<kHead>(kRows);
  allow_shared_memory(attention_backward_kv_kernel<kHead, kRows, T>, kBytes);
  const unsigned int blocks = blocks_for<kRows>(a.shape, a.shape.kv);
  attention_backward_kv_kernel<kHead, kRows, T>
      <<<blocks, kThreads, kBytes, a.stream>>>(a.dout, a.q, a.k, a.v, a.lse, a.delta, a.dk, a.dv, a.shape);
  WB_CHECK_LAUNCH();
}

// T: what is stored, float or bf16.
template <class T>
void attention_backward_solution(HeadsView<const T> dout, HeadsView<const T> q, HeadsView<const T> k,
                                 HeadsView<const T> v, HeadsView<const T> out, const float* saved,
                                 HeadsView<T> dq, HeadsView<T> dk, HeadsView<T> dv, float* scratch,
                                 const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  attention_check_gradients(dout, dq, dk, dv, scratch, shape);
  const BackwardArguments<T> arguments{dout, q, k, v, out, saved, dq, dk, dv, scratch, shape, stream};
  with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    // A GPU too small for any tile is found before the first kernel runs.
    const auto launch = [&](auto q_rows) {
      const auto launch_both = [&](auto kv_rows) {
        launch_q<kHead, decltype(q_rows)::value>(arguments);
        launch_kv<kHead, decltype(kv_rows)::value>(arguments);
      };
      // Two sums of a wide head for 4 rows leave no room for a second block on a multiprocessor.
      constexpr int kLongRows = kHead <= 64 ? 4 : 2;
      if (shape.t <= kShortWalkOverQueries) {
        with_rows_that_fit<backward_kv_bytes<kHead>, 2>(launch_both);
      } else {
        with_rows_that_fit<backward_kv_bytes<kHead>, kLongRows>(launch_both);
      }
    };
    if (shape.t <= kShortWalkOverKeys) {
      with_rows_that_fit<backward_q_bytes<kHead>, 2>(launch);
    } else {
      with_rows_that_fit<backward_q_bytes<kHead>, 4>(launch);
    }
  });
}

}  // namespace

WB_REGISTER(AttentionBackward, solution, attention_backward_solution<float>);
WB_REGISTER(AttentionBackwardBf16, solution, attention_backward_solution<bf16>);

}  // namespace wb
