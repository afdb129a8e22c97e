// Your turn: attention with two rotary encodings blended by distance, and its gradient.
// windowed_attention.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 06 windowed_attention
//
// The loops of flash attention are complete: those that you wrote in `attention`, but with tiles of 16 x 32
// scores, and 8 lanes per row as in attention_solution.cu. The encodings are missing. Also given to you: the
// tiles of attention_tiles.cuh, and windowed_attention_tiles.cuh. Both backward kernels keep three tiles of
// their own rows (near, far, and dout or v) and loop over three tiles of the other side.
#include <cmath>

#include "06_flash_attention/windowed_attention_check.h"
#include "06_flash_attention/windowed_attention_tiles.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed;

constexpr int kHead = kMaxWindowedHeadWidth;  // whatever D is: what is not there is 0
constexpr int kRows = 1;
constexpr int kOwn = kRows * kGroups;  // rows that a block keeps, 16; it walks over kTile of the other side
constexpr int kOwnFloats = head_floats<kHead>(kOwn);
constexpr int kTileFloats = head_floats<kHead>(kTile);

// ---- The encodings: what the lesson is about ----

// The weight of an encoding, kNear or kFar, in the score of rows i and j.
__device__ float encoding_weight(int encoding, int i, int j, const BlendedRope& rope) {
  // TODO 2: The far weight is clamp((|i - j| - rope.window) / rope.band, 0, 1); the near weight is the rest.
  //         rope.band may be 0. Which other band gives the same weights without a division by 0?
  return encoding == kNear ? 1.0f : 0.0f;
}

// Which encodings have a weight above 0 anywhere in a tile of kOwn x kTile scores.
__device__ TileEncodings tile_encodings(int first_row, int first_column, int t, const BlendedRope& rope) {
  // TODO 3: To use both is correct, but takes twice as many products. Compute the distances of the
  //         nearest and the farthest pair of the tile. Which tiles need only one encoding? Rows and columns
  //         from t on do not count.
  return {{true, true}};
}

// Copies kCount rows of `source` into `tile`, rotated. Pair c of a row in the tile is (c, kHead / 2 + c).
template <int kCount>
__device__ void load_rotated(float* tile,  // (kCount, kHeadStride)
                             const HeadMatrix<const float>& source, const Rotation& rotation, int first,
                             int t, int d) {
  const int half = d / 2;
  for (int i = threadIdx.x; i < kCount * kHead / 2; i += kThreads) {
    const int row = i / (kHead / 2);
    const int c = i % (kHead / 2);
    const int position = first + row;
    float x = 0.0f, y = 0.0f;
    if (position < t && c < half) {
      const std::int64_t angle = static_cast<std::int64_t>(position) * half + c;
      x = source.at(position, c);
      y = source.at(position, half + c);
      // TODO 1: Rotate: (x cos - y sin, y cos + x sin). The tables are rotation.cosine and rotation.sine.
    }
    tile[row * kHeadStride<kHead> + c] = x;
    tile[row * kHeadStride<kHead> + kHead / 2 + c] = y;
  }
}

// Loads one tile for each encoding in use.
template <int kCount>
__device__ void load_encodings(float* tiles,  // (kEncodings, kCount, kHeadStride)
                               const HeadMatrix<const float>& source, const BlendedRope& rope,
                               const TileEncodings& encodings, int first, int t, int d) {
  for (int e = 0; e < kEncodings; ++e) {
    if (encodings.used[e]) {
      load_rotated<kCount>(tiles + e * head_floats<kHead>(kCount), source, rotation_of(rope, e), first, t, d);
    }
  }
}

// out += weight * in, each weight that of `encoding` at the distance of its row and column.
__device__ void add_weighted(float (&out)[kRows][kColumns], const float (&in)[kRows][kColumns], int encoding,
                             int first_row, int first_column, const BlendedRope& rope) {
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < kColumns; ++j) {
      const int row = first_row + threadIdx.x / kLanes + i * kGroups;
      const int column = first_column + threadIdx.x % kLanes + j * kLanes;
      out[i][j] += encoding_weight(encoding, row, column, rope) * in[i][j];
    }
  }
}

// Scores before scale: one product for each encoding in use, blended.
__device__ void blended_dots(float (&scores)[kRows][kColumns],
                             const float* rows,     // (kEncodings, kOwn, kHeadStride)
                             const float* columns,  // (kEncodings, kTile, kHeadStride)
                             const BlendedRope& rope, const TileEncodings& encodings, int first_row,
                             int first_column) {
  for (int e = 0; e < kEncodings; ++e) {
    if (!encodings.used[e]) continue;
    float dots[kRows][kColumns];
    tile_dots<kRows, kHead>(rows + e * kOwnFloats, columns + e * kTileFloats, dots);
    add_weighted(scores, dots, e, first_row, first_column, rope);
  }
}

// Backward: writes factor * the rows of both tiles, each rotated back, to rows first .. of `target`.
__device__ void store_rotated_back(const HeadMatrix<float>& target,
                                   const float* tiles,  // (kEncodings, kOwn, kHeadStride)
                                   const BlendedRope& rope, const TileEncodings& encodings, float factor,
                                   int first, int t, int d) {
  const int half = d / 2;
  for (int i = threadIdx.x; i < kOwn * half; i += kThreads) {
    const int row = i / half;
    const int c = i % half;
    if (first + row >= t) continue;
    const std::int64_t angle = static_cast<std::int64_t>(first + row) * half + c;
    float x = 0.0f, y = 0.0f;
    for (int e = 0; e < kEncodings; ++e) {
      if (!encodings.used[e]) continue;
      const float* sums = tiles + e * kOwnFloats + row * kHeadStride<kHead>;  // pair c: (c, kHead / 2 + c)
      // TODO 4: Add this pair to x and y, rotated back by this encoding's angle: rotation_of(rope, e).
    }
    target.at(first + row, c) = factor * x;
    target.at(first + row, half + c) = factor * y;
  }
}

// Backward: passes dS on to the sums over the rotated rows of each encoding in use.
__device__ void add_blended_rows(float2 (&sums)[kEncodings][kRows][kPairs<kHead>],
                                 const float (&ds)[kRows][kColumns],
                                 float* weights,        // (kOwn, kWeightStride)
                                 const float* columns,  // (kEncodings, kTile, kHeadStride)
                                 const BlendedRope& rope, const TileEncodings& encodings, int first_row,
                                 int first_column) {
#pragma unroll
  for (int e = 0; e < kEncodings; ++e) {
    if (!encodings.used[e]) continue;
    float share[kRows][kColumns];
    // TODO 5: Now the near encoding gets all of dS. What is its share, and that of the far encoding? A score
    //         is a sum of products, each times its weight. What is its derivative by one of the products?
    for (int i = 0; i < kRows; ++i) {
      for (int j = 0; j < kColumns; ++j) share[i][j] = e == kNear ? ds[i][j] : 0.0f;
    }
    put_weights(weights, share);
    add_weighted_rows<kRows, kHead>(weights, columns + e * kTileFloats, sums[e]);
  }
}

// ---- The walk: flash attention ----

struct Arguments {
  const float *dout, *q, *k, *v;  // (B, T, H, D), (B, T, H, D), (B, T, K, D), (B, T, K, D)
  BlendedRope rope;
  const float* out;                  // (B, T, H, D)
  const float* lse;                  // (B, H, T)
  float *dq, *dk, *dv, *delta;       // (B, T, H, D), (B, T, K, D), (B, T, K, D), (B, H, T)
  float *forward_out, *forward_lse;  // (B, T, H, D), (B, H, T)
  WindowedAttentionShape shape;
};

// The tiles of a block, one after the other in its shared memory.
struct Tiles {
  float* rows;           // (kEncodings, kOwn, kHeadStride), rotated
  float* other_rows;     // (kOwn, kHeadStride)
  float* columns;        // (kEncodings, kTile, kHeadStride), rotated
  float* other_columns;  // (kTile, kHeadStride)
  float* weights;        // (kOwn, kWeightStride)
};
constexpr int kSharedFloats = 3 * (kOwnFloats + kTileFloats) + weight_floats(kOwn);
constexpr int kSharedBytes = kSharedFloats * static_cast<int>(sizeof(float));

__device__ Tiles tiles_in(float4* shared) {
  float* first = reinterpret_cast<float*>(shared);
  float* columns = first + 3 * kOwnFloats;
  return {first, first + 2 * kOwnFloats, columns, columns + 2 * kTileFloats, columns + 3 * kTileFloats};
}

// Which encodings a row of tiles needs, from column `from` up to `to`.
__device__ TileEncodings row_encodings(int first_row, int from, int to, int t, const BlendedRope& rope) {
  TileEncodings all = {{false, false}};
  for (int first = from; first < to; first += kTile) {
    const TileEncodings of_tile = tile_encodings(first_row, first, t, rope);
    for (int e = 0; e < kEncodings; ++e) all.used[e] = all.used[e] || of_tile.used[e];
  }
  return all;
}

__global__ void __launch_bounds__(kThreads) windowed_forward_kernel(Arguments a) {
  extern __shared__ float4 shared[];
  const Tiles tile = tiles_in(shared);
  const WindowedAttentionShape& s = a.shape;
  const int tiles = (s.t - 1) / kOwn + 1;
  const int first_query = static_cast<int>(blockIdx.x) % tiles * kOwn;
  const int b = static_cast<int>(blockIdx.x) / tiles / s.h, h = static_cast<int>(blockIdx.x) / tiles % s.h;
  const int kv_head = h / (s.h / s.kv);
  const int group = threadIdx.x / kLanes, lane = threadIdx.x % kLanes;

  const int last_key = s.causal ? min(s.t, first_query + kOwn) : s.t;
  load_encodings<kOwn>(tile.rows, head_rows(a.q, s, s.h, b, h), a.rope,
                       row_encodings(first_query, 0, last_key, s.t, a.rope), first_query, s.t, s.d);

  float row_max[kRows] = {-INFINITY}, row_sum[kRows] = {};
  float2 sums[kRows][kPairs<kHead>] = {};
  for (int first_key = 0; first_key < last_key; first_key += kTile) {
    const TileEncodings used = tile_encodings(first_query, first_key, s.t, a.rope);
    load_encodings<kTile>(tile.columns, head_rows(a.k, s, s.kv, b, kv_head), a.rope, used, first_key, s.t,
                          s.d);
    load_tile<kTile, kHead>(tile.other_columns, head_rows(a.v, s, s.kv, b, kv_head), first_key, s.t, s.d);
    __syncthreads();

    float p[kRows][kColumns] = {};
    blended_dots(p, tile.rows, tile.columns, a.rope, used, first_query, first_key);
    float new_max[kRows];
    for (int i = 0; i < kRows; ++i) {
      new_max[i] = row_max[i];
      for (int j = 0; j < kColumns; ++j) {
        const int query = first_query + group + i * kGroups, key = first_key + lane + j * kLanes;
        const bool visible = key < s.t && (!s.causal || key <= query);
        p[i][j] = visible ? s.scale * p[i][j] : -INFINITY;
        new_max[i] = fmaxf(new_max[i], p[i][j]);
      }
    }
    combine_lanes(new_max, tile.weights, [](float x, float y) { return fmaxf(x, y); });
    for (int i = 0; i < kRows; ++i) {
      const float correction = expf(row_max[i] - new_max[i]);
      row_max[i] = new_max[i];
      row_sum[i] *= correction;
      for (float2& sum : sums[i]) sum = make_float2(sum.x * correction, sum.y * correction);
      for (float& weight : p[i]) row_sum[i] += weight = expf(weight - new_max[i]);
    }
    put_weights(tile.weights, p);
    add_weighted_rows<kRows, kHead>(tile.weights, tile.other_columns, sums);
    __syncthreads();
  }

  combine_lanes(row_sum, tile.weights, [](float x, float y) { return x + y; });
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    if (query >= s.t) continue;
    store_row<kHead>(head_rows(a.forward_out, s, s.h, b, h), sums[i], 1.0f / row_sum[i], query, s.d);
    if (lane == 0) {
      a.forward_lse[(static_cast<std::int64_t>(b) * s.h + h) * s.t + query] = row_max[i] + logf(row_sum[i]);
    }
  }
}

// One thread per row: delta = out . dout
__global__ void windowed_delta_kernel(Arguments a) {
  const WindowedAttentionShape& s = a.shape;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (row >= static_cast<std::int64_t>(s.b) * s.h * s.t) return;
  const int t = static_cast<int>(row % s.t), h = static_cast<int>(row / s.t % s.h),
            b = static_cast<int>(row / s.t / s.h);
  float sum = 0.0f;
  for (int c = 0; c < s.d; ++c) {
    sum += head_rows(a.out, s, s.h, b, h).at(t, c) * head_rows(a.dout, s, s.h, b, h).at(t, c);
  }
  a.delta[row] = sum;
}

__global__ void __launch_bounds__(kThreads) windowed_query_kernel(Arguments a) {
  extern __shared__ float4 shared[];
  const Tiles tile = tiles_in(shared);
  const WindowedAttentionShape& s = a.shape;
  const int tiles = (s.t - 1) / kOwn + 1;
  const int first_query = static_cast<int>(blockIdx.x) % tiles * kOwn;
  const int b = static_cast<int>(blockIdx.x) / tiles / s.h, h = static_cast<int>(blockIdx.x) / tiles % s.h;
  const int kv_head = h / (s.h / s.kv);
  const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * s.h + h) * s.t;
  const int group = threadIdx.x / kLanes, lane = threadIdx.x % kLanes;

  const int last_key = s.causal ? min(s.t, first_query + kOwn) : s.t;
  const TileEncodings of_block = row_encodings(first_query, 0, last_key, s.t, a.rope);
  load_encodings<kOwn>(tile.rows, head_rows(a.q, s, s.h, b, h), a.rope, of_block, first_query, s.t, s.d);
  load_tile<kOwn, kHead>(tile.other_rows, head_rows(a.dout, s, s.h, b, h), first_query, s.t, s.d);

  float2 sums[kEncodings][kRows][kPairs<kHead>] = {};
  for (int first_key = 0; first_key < last_key; first_key += kTile) {
    const TileEncodings used = tile_encodings(first_query, first_key, s.t, a.rope);
    load_encodings<kTile>(tile.columns, head_rows(a.k, s, s.kv, b, kv_head), a.rope, used, first_key, s.t,
                          s.d);
    load_tile<kTile, kHead>(tile.other_columns, head_rows(a.v, s, s.kv, b, kv_head), first_key, s.t, s.d);
    __syncthreads();

    float scores[kRows][kColumns] = {}, dp[kRows][kColumns], ds[kRows][kColumns];
    blended_dots(scores, tile.rows, tile.columns, a.rope, used, first_query, first_key);
    tile_dots<kRows, kHead>(tile.other_rows, tile.other_columns, dp);
    for (int i = 0; i < kRows; ++i) {
      for (int j = 0; j < kColumns; ++j) {
        const int query = first_query + group + i * kGroups, key = first_key + lane + j * kLanes;
        const bool visible = is_visible(query, key, s.t, s.causal);
        ds[i][j] = visible ? expf(s.scale * scores[i][j] - a.lse[row_of_head + query]) *
                                 (dp[i][j] - a.delta[row_of_head + query])
                           : 0.0f;
      }
    }
    add_blended_rows(sums, ds, tile.weights, tile.columns, a.rope, used, first_query, first_key);
    __syncthreads();
  }

#pragma unroll
  for (int e = 0; e < kEncodings; ++e) put_sums<kRows, kHead>(tile.rows + e * kOwnFloats, sums[e]);
  __syncthreads();
  store_rotated_back(head_rows(a.dq, s, s.h, b, h), tile.rows, a.rope, of_block, s.scale, first_query, s.t,
                     s.d);
}

__global__ void __launch_bounds__(kThreads) windowed_key_kernel(Arguments a) {
  extern __shared__ float4 shared[];
  const Tiles tile = tiles_in(shared);
  const WindowedAttentionShape& s = a.shape;
  const int tiles = (s.t - 1) / kOwn + 1;
  const int first_key = static_cast<int>(blockIdx.x) % tiles * kOwn;
  const int b = static_cast<int>(blockIdx.x) / tiles / s.kv,
            kv_head = static_cast<int>(blockIdx.x) / tiles % s.kv;
  const int group = threadIdx.x / kLanes, lane = threadIdx.x % kLanes;

  const int from_query = s.causal ? first_key : 0;
  const TileEncodings of_block = row_encodings(first_key, from_query, s.t, s.t, a.rope);
  load_encodings<kOwn>(tile.rows, head_rows(a.k, s, s.kv, b, kv_head), a.rope, of_block, first_key, s.t, s.d);
  load_tile<kOwn, kHead>(tile.other_rows, head_rows(a.v, s, s.kv, b, kv_head), first_key, s.t, s.d);

  float2 dk_sums[kEncodings][kRows][kPairs<kHead>] = {};
  float2 dv_sums[kRows][kPairs<kHead>] = {};
  // TODO 8: This is the first query head that reads kv_head. Loop over all query heads that read it.
  const int h = kv_head * (s.h / s.kv);
  const std::int64_t row_of_head = (static_cast<std::int64_t>(b) * s.h + h) * s.t;
  for (int first_query = from_query; first_query < s.t; first_query += kTile) {
    const TileEncodings used = tile_encodings(first_key, first_query, s.t, a.rope);
    load_encodings<kTile>(tile.columns, head_rows(a.q, s, s.h, b, h), a.rope, used, first_query, s.t, s.d);
    load_tile<kTile, kHead>(tile.other_columns, head_rows(a.dout, s, s.h, b, h), first_query, s.t, s.d);
    __syncthreads();

    // A row is a key, a column is a query: windowed_query_kernel, with rows and columns exchanged.
    float p[kRows][kColumns] = {}, ds[kRows][kColumns] = {};
    // TODO 6: p, the probabilities: exp(scale * score - lse of the query) where the query sees the key, else
    //         0. blended_dots gives the scores.
    // TODO 7: ds = p * (dP - delta of the query). dP is dout . v, and both are in tiles.
    put_weights(tile.weights, p);
    add_weighted_rows<kRows, kHead>(tile.weights, tile.other_columns, dv_sums);
    add_blended_rows(dk_sums, ds, tile.weights, tile.columns, a.rope, used, first_key, first_query);
    __syncthreads();
  }

#pragma unroll
  for (int e = 0; e < kEncodings; ++e) put_sums<kRows, kHead>(tile.rows + e * kOwnFloats, dk_sums[e]);
  __syncthreads();
  store_rotated_back(head_rows(a.dk, s, s.kv, b, kv_head), tile.rows, a.rope, of_block, s.scale, first_key,
                     s.t, s.d);
  for (int i = 0; i < kRows; ++i) {
    const int key = first_key + group + i * kGroups;
    if (key < s.t) store_row<kHead>(head_rows(a.dv, s, s.kv, b, kv_head), dv_sums[i], 1.0f, key, s.d);
  }
}

int blocks_for(const WindowedAttentionShape& shape, int heads) {
  return ((shape.t - 1) / kOwn + 1) * shape.b * heads;
}

void windowed_attention_forward_starter(const float* q, const float* k, const float* v,
                                        const BlendedRope& rope, float* out, float* lse,
                                        const WindowedAttentionShape& shape, cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  Arguments a{};
  a.q = q, a.k = k, a.v = v, a.rope = rope, a.forward_out = out, a.forward_lse = lse, a.shape = shape;
  allow_shared_memory(windowed_forward_kernel, kSharedBytes);
  windowed_forward_kernel<<<blocks_for(shape, shape.h), kThreads, kSharedBytes, stream>>>(a);
  WB_CHECK_LAUNCH();
}

void windowed_attention_backward_starter(const float* dout, const float* q, const float* k, const float* v,
                                         const BlendedRope& rope, const float* out, const float* lse,
                                         float* dq, float* dk, float* dv, float* delta,
                                         const WindowedAttentionShape& shape, cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  check_windowed_attention_gradients(dout, dq, dk, dv, delta);
  const Arguments a{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, nullptr, nullptr, shape};
  windowed_delta_kernel<<<(windowed_attention_rows(shape) - 1) / 256 + 1, 256, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
  allow_shared_memory(windowed_query_kernel, kSharedBytes);
  windowed_query_kernel<<<blocks_for(shape, shape.h), kThreads, kSharedBytes, stream>>>(a);
  WB_CHECK_LAUNCH();
  allow_shared_memory(windowed_key_kernel, kSharedBytes);
  windowed_key_kernel<<<blocks_for(shape, shape.kv), kThreads, kSharedBytes, stream>>>(a);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(WindowedAttentionForward, starter, windowed_attention_forward_starter);
WB_REGISTER(WindowedAttentionBackward, starter, windowed_attention_backward_starter);

}  // namespace wb
