// Windowed attention with two rotary encodings, backward: dS of each tile goes to the encodings of its
// scores.
//
//   S = scale [(1 - w) Qn Kn^T + w Qf Kf^T]      P = exp(S - lse)      dP = dO V^T      dS = P (dP - delta)
//   dQn = scale ((1 - w) dS) Kn    dQf = scale (w dS) Kf    dQ = near^T(dQn) + far^T(dQf)    dK: the same
//
// There is one sum for each encoding, in rotated form. At the end each is rotated back once: a rotation is
// linear, and its transpose is the rotation by the opposite angle. In a tile that is all near or all far, one
// of the two sums does not change, so one product is enough, as in the forward pass.
//
// There are two kernels, as in attention_backward_solution.cu, so that each sum has one owner and a fixed
// order. For dQ, a block keeps its queries and loops over the keys. It also stores delta. For dK and dV, a
// block keeps its keys and values and loops over the queries of every query head of its group.
//
// FLOPs: 14 B H T^2 D, half of it when causal; 8 B H D more for every pair in a tile that the band crosses.
// Bytes: as in the forward pass; each tile is loaded once per tile of the other side. Scratch: delta, (B, H,
// T). Threads: see attention_tiles.cuh.
#include "06_flash_attention/windowed_attention_blend.cuh"
#include "06_flash_attention/windowed_attention_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed;

// Two sums of a wide head for 4 rows would not fit the registers.
template <int kHead>
constexpr int kMostRows = kHead <= 64 ? 4 : 2;

struct Arguments {
  const float *dout, *q, *k, *v;  // (B, T, H, D), (B, T, H, D), (B, T, K, D), (B, T, K, D)
  BlendedRope rope;
  const float *out, *lse;  // (B, T, H, D), (B, H, T)
  float *dq, *dk, *dv;     // (B, T, H, D), (B, T, K, D), (B, T, K, D)
  float* delta;            // (B, H, T)
  WindowedAttentionShape shape;
};

// Shared memory of either kernel: on its own side two encodings and one tile more, on the other side too.
template <int kHead>
constexpr int backward_bytes(int rows) {
  const int own = rows * kGroups;
  const int floats = (kEncodings + 1) * head_floats<kHead>(own + kTile) + weight_floats(own);
  return floats * static_cast<int>(sizeof(float));
}

template <int kHead, int kRows>
__global__ void __launch_bounds__(kThreads) windowed_attention_query_kernel(Arguments a) {
  constexpr int kQueries = kRows * kGroups;
  extern __shared__ float4 shared[];
  float* q_tiles = reinterpret_cast<float*>(shared);  // (kEncodings, kQueries, kHeadStride)
  float* dout_tile = q_tiles + kEncodings * head_floats<kHead>(kQueries);  // (kQueries, kHeadStride)
  float* k_tiles = dout_tile + head_floats<kHead>(kQueries);               // (kEncodings, kTile, kHeadStride)
  float* v_tile = k_tiles + kEncodings * head_floats<kHead>(kTile);        // (kTile, kHeadStride)
  float* weights = v_tile + head_floats<kHead>(kTile);                     // (kQueries, kWeightStride)

  const WindowedAttentionShape& shape = a.shape;
  const int tiles = (shape.t - 1) / kQueries + 1;
  const int first_query = (tiles - 1 - static_cast<int>(blockIdx.x) % tiles) * kQueries;
  const int b = static_cast<int>(blockIdx.x) / tiles / shape.h;
  const int h = static_cast<int>(blockIdx.x) / tiles % shape.h;
  const int kv_head = h / (shape.h / shape.kv);
  const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
  const HeadMatrix<const float> dout_rows = head_rows(a.dout, shape, shape.h, b, h);
  const HeadMatrix<const float> out_rows = head_rows(a.out, shape, shape.h, b, h);
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  float query_lse[kRows];
  float query_delta[kRows] = {};
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    query_lse[i] = query < shape.t ? a.lse[row_of_head + query] : 0.0f;
    for (int c = lane; c < shape.d && query < shape.t; c += kLanes) {
      query_delta[i] += out_rows.at(query, c) * dout_rows.at(query, c);
    }
  }
  combine_lanes(query_delta, weights, [](float x, float y) { return x + y; });
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    if (query < shape.t && lane == 0) a.delta[row_of_head + query] = query_delta[i];
  }

  const int last_key = shape.causal ? min(shape.t, first_query + kQueries) : shape.t;
  const TileEncodings of_block = tile_encodings(first_query, kQueries, 0, last_key, shape.t, a.rope);
  load_encodings<kQueries, kHead>(q_tiles, head_rows(a.q, shape, shape.h, b, h), a.rope, of_block,
                                  first_query, shape.t, shape.d);
  load_tile<kQueries, kHead>(dout_tile, dout_rows, first_query, shape.t, shape.d);

  float2 dq_sums[kEncodings][kRows][kPairs<kHead>] = {};
  for (int first_key = 0; first_key < last_key; first_key += kTile) {
    const int keys_seen = min(kTile, last_key - first_key);
    const TileEncodings used = tile_encodings(first_query, kQueries, first_key, keys_seen, shape.t, a.rope);
    load_encodings<kTile, kHead>(k_tiles, head_rows(a.k, shape, shape.kv, b, kv_head), a.rope, used,
                                 first_key, shape.t, shape.d);
    load_tile<kTile, kHead>(v_tile, head_rows(a.v, shape, shape.kv, b, kv_head), first_key, shape.t, shape.d);
    __syncthreads();

    float ds[kRows][kColumns] = {};
    float dp[kRows][kColumns];
    blended_dots<kRows, kHead>(ds, q_tiles, k_tiles, a.rope, used, first_query, first_key);
    tile_dots<kRows, kHead>(dout_tile, v_tile, dp);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int query = first_query + group + i * kGroups;
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int key = first_key + lane + j * kLanes;
        const bool visible = is_visible(query, key, shape.t, shape.causal);
        const float p = visible ? expf(shape.scale * ds[i][j] - query_lse[i]) : 0.0f;
        ds[i][j] = p * (dp[i][j] - query_delta[i]);
      }
    }
    add_blended_rows<kRows, kHead>(dq_sums, ds, weights, k_tiles, a.rope, used, first_query, first_key);
    // The next keys overwrite what other warps may still be reading.
    __syncthreads();
  }

  // Queries are needed no more: their place takes the sums, so that both halves of a pair meet.
#pragma unroll
  for (int e = 0; e < kEncodings; ++e) {
    put_sums<kRows, kHead>(q_tiles + e * head_floats<kHead>(kQueries), dq_sums[e]);
  }
  __syncthreads();
  store_rotated_back<kQueries, kHead>(head_rows(a.dq, shape, shape.h, b, h), q_tiles, a.rope, of_block,
                                      shape.scale, first_query, shape.t, shape.d);
}

template <int kHead, int kRows>
__global__ void __launch_bounds__(kThreads) windowed_attention_key_kernel(Arguments a) {
  constexpr int kKeys = kRows * kGroups;
  extern __shared__ float4 shared[];
  float* k_tiles = reinterpret_cast<float*>(shared);                    // (kEncodings, kKeys, kHeadStride)
  float* v_tile = k_tiles + kEncodings * head_floats<kHead>(kKeys);     // (kKeys, kHeadStride)
  float* q_tiles = v_tile + head_floats<kHead>(kKeys);                  // (kEncodings, kTile, kHeadStride)
  float* dout_tile = q_tiles + kEncodings * head_floats<kHead>(kTile);  // (kTile, kHeadStride)
  float* weights =
      dout_tile + head_floats<kHead>(kTile);  // (kKeys, kWeightStride), transposed: a row is a key

  const WindowedAttentionShape& shape = a.shape;
  const int tiles = (shape.t - 1) / kKeys + 1;
  const int first_key = static_cast<int>(blockIdx.x) % tiles * kKeys;
  const int b = static_cast<int>(blockIdx.x) / tiles / shape.kv;
  const int kv_head = static_cast<int>(blockIdx.x) / tiles % shape.kv;
  const int heads_per_kv = shape.h / shape.kv;
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  const int from_query = shape.causal ? first_key : 0;
  const TileEncodings of_block =
      tile_encodings(first_key, kKeys, from_query, shape.t - from_query, shape.t, a.rope);
  load_encodings<kKeys, kHead>(k_tiles, head_rows(a.k, shape, shape.kv, b, kv_head), a.rope, of_block,
                               first_key, shape.t, shape.d);
  load_tile<kKeys, kHead>(v_tile, head_rows(a.v, shape, shape.kv, b, kv_head), first_key, shape.t, shape.d);

  float2 dk_sums[kEncodings][kRows][kPairs<kHead>] = {};
  float2 dv_sums[kRows][kPairs<kHead>] = {};
  for (int h = kv_head * heads_per_kv; h < (kv_head + 1) * heads_per_kv; ++h) {
    const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * shape.h + h) * shape.t;
    for (int first_query = from_query; first_query < shape.t; first_query += kTile) {
      const TileEncodings used = tile_encodings(first_key, kKeys, first_query, kTile, shape.t, a.rope);
      load_encodings<kTile, kHead>(q_tiles, head_rows(a.q, shape, shape.h, b, h), a.rope, used, first_query,
                                   shape.t, shape.d);
      load_tile<kTile, kHead>(dout_tile, head_rows(a.dout, shape, shape.h, b, h), first_query, shape.t,
                              shape.d);
      __syncthreads();

      float p[kRows][kColumns] = {};
      float ds[kRows][kColumns];
      blended_dots<kRows, kHead>(p, k_tiles, q_tiles, a.rope, used, first_key, first_query);
      tile_dots<kRows, kHead>(v_tile, dout_tile, ds);
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int query = first_query + lane + j * kLanes;
        const float query_lse = query < shape.t ? a.lse[row_of_head + query] : 0.0f;
        const float query_delta = query < shape.t ? a.delta[row_of_head + query] : 0.0f;
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
          const bool visible = is_visible(query, first_key + group + i * kGroups, shape.t, shape.causal);
          p[i][j] = visible ? expf(shape.scale * p[i][j] - query_lse) : 0.0f;
          ds[i][j] = p[i][j] * (ds[i][j] - query_delta);
        }
      }
      put_weights(weights, p);
      add_weighted_rows<kRows, kHead>(weights, dout_tile, dv_sums);
      add_blended_rows<kRows, kHead>(dk_sums, ds, weights, q_tiles, a.rope, used, first_key, first_query);
      // The next queries overwrite what other warps may still be reading.
      __syncthreads();
    }
  }

#pragma unroll
  for (int e = 0; e < kEncodings; ++e) {
    put_sums<kRows, kHead>(k_tiles + e * head_floats<kHead>(kKeys), dk_sums[e]);
  }
  __syncthreads();
  store_rotated_back<kKeys, kHead>(head_rows(a.dk, shape, shape.kv, b, kv_head), k_tiles, a.rope, of_block,
                                   shape.scale, first_key, shape.t, shape.d);
  const HeadMatrix<float> target = head_rows(a.dv, shape, shape.kv, b, kv_head);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int key = first_key + group + i * kGroups;
    if (key < shape.t) store_row<kHead>(target, dv_sums[i], 1.0f, key, shape.d);
  }
}

template <int kHead, int kRows>
void launch(const Arguments& a, cudaStream_t stream) {
  constexpr int kBytes = backward_bytes<kHead>(kRows);
  allow_shared_memory(windowed_attention_query_kernel<kHead, kRows>, kBytes);
  allow_shared_memory(windowed_attention_key_kernel<kHead, kRows>, kBytes);
  const int tiles = (a.shape.t - 1) / (kRows * kGroups) + 1;
  windowed_attention_query_kernel<kHead, kRows>
      <<<tiles * a.shape.b * a.shape.h, kThreads, kBytes, stream>>>(a);
  WB_CHECK_LAUNCH();
  windowed_attention_key_kernel<kHead, kRows>
      <<<tiles * a.shape.b * a.shape.kv, kThreads, kBytes, stream>>>(a);
  WB_CHECK_LAUNCH();
}

void windowed_attention_backward_solution(const float* dout, const float* q, const float* k, const float* v,
                                          const BlendedRope& rope, const float* out, const float* lse,
                                          float* dq, float* dk, float* dv, float* delta,
                                          const WindowedAttentionShape& shape, cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  check_windowed_attention_gradients(dout, dq, dk, dv, delta);
  const Arguments arguments{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, shape};
  with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    with_rows_that_fit<backward_bytes<kHead>, kMostRows<kHead>>(
        [&](auto rows) { launch<kHead, decltype(rows)::value>(arguments, stream); });
  });
}

}  // namespace

WB_REGISTER(WindowedAttentionBackward, solution, windowed_attention_backward_solution);

}  // namespace wb
