// Windowed attention with two rotary encodings, forward: flash attention that classifies tiles by distance.
//
// A block keeps 64 queries of one head (or fewer, if shared memory is too small), rotated by the near
// encoding and by the far one, and loops over the keys, 32 at a time. All distances in a tile lie between
// those of two corners. So most tiles are all near, or all far: their keys are rotated once, by that
// encoding, and take one product. If the band crosses a tile, both products are computed and blended element
// by element. In a row of T / 32 tiles these are at most (band + 96) / 32 on each side. If T is much larger
// than the band, two encodings take hardly more time than one.
//
// To rotate a key while it is loaded takes 6 FLOPs per pair of features, and its product with 64 queries
// takes 256. So no rotated copies of q and k have to be stored. Softmax and values are as in
// attention_solution.cu.
//
// Grid: one block per tile of queries of one head of one sequence. Threads: see attention_tiles.cuh.
// FLOPs: 4 B H T^2 D, half of it when causal, and 2 B H D for every pair in a tile that the band crosses.
// Bytes: q and out once; k, v and the tables once per tile of queries, mostly from L2; lse B H T.
// Next: windowed_attention_backward_solution.cu.
#include <cmath>

#include "06_flash_attention/windowed_attention_blend.cuh"
#include "06_flash_attention/windowed_attention_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed;

constexpr int kMostRows = 4;

template <int kHead>
constexpr int forward_bytes(int rows) {
  const int queries = rows * kGroups;
  const int floats = head_floats<kHead>(kEncodings * queries + 2 * kTile) + weight_floats(queries);
  return floats * static_cast<int>(sizeof(float));
}

template <int kHead, int kRows>
__global__ void __launch_bounds__(kThreads) windowed_attention_forward_kernel(const float* q,  // (B, T, H, D)
                                                                              const float* k,  // (B, T, K, D)
                                                                              const float* v,  // (B, T, K, D)
                                                                              BlendedRope rope,
                                                                              float* out,  // (B, T, H, D)
                                                                              float* lse,  // (B, H, T)
                                                                              WindowedAttentionShape shape) {
  constexpr int kQueries = kRows * kGroups;
  extern __shared__ float4 shared[];
  float* q_tiles = reinterpret_cast<float*>(shared);                    // (kEncodings, kQueries, kHeadStride)
  float* k_tile = q_tiles + kEncodings * head_floats<kHead>(kQueries);  // (kTile, kHeadStride)
  float* v_tile = k_tile + head_floats<kHead>(kTile);                   // (kTile, kHeadStride)
  float* p_tile = v_tile + head_floats<kHead>(kTile);                   // (kQueries, kWeightStride)

  // Later queries see more keys when causal: start the longest blocks first.
  const int tiles = (shape.t - 1) / kQueries + 1;
  const int first_query = (tiles - 1 - static_cast<int>(blockIdx.x) % tiles) * kQueries;
  const int sequence_head = static_cast<int>(blockIdx.x) / tiles;
  const int b = sequence_head / shape.h;
  const int h = sequence_head % shape.h;
  const int kv_head = h / (shape.h / shape.kv);
  const HeadMatrix<const float> keys = head_rows(k, shape, shape.kv, b, kv_head);
  const HeadMatrix<const float> values = head_rows(v, shape, shape.kv, b, kv_head);
  const int group = threadIdx.x / kLanes;
  const int lane = threadIdx.x % kLanes;

  const int last_key = shape.causal ? min(shape.t, first_query + kQueries) : shape.t;
  const TileEncodings of_block = tile_encodings(first_query, kQueries, 0, last_key, shape.t, rope);
  for (int e = 0; e < kEncodings; ++e) {
    if (!of_block.used[e]) continue;
    load_rotated<kQueries, kHead>(q_tiles + e * head_floats<kHead>(kQueries),
                                  head_rows(q, shape, shape.h, b, h), rotation_of(rope, e), first_query,
                                  shape.t, shape.d);
  }

  float row_max[kRows];
  float row_sum[kRows] = {};  // of this lane's columns only; the lanes are added up at the end
  float2 sums[kRows][kPairs<kHead>] = {};
  for (float& max : row_max) max = -INFINITY;

  for (int first_key = 0; first_key < last_key; first_key += kTile) {
    load_tile<kTile, kHead>(v_tile, values, first_key, shape.t, shape.d);

    // One encoding's keys after the other take the same place: a tile that needs only one pays for one.
    const int keys_seen = min(kTile, last_key - first_key);
    const TileEncodings used = tile_encodings(first_query, kQueries, first_key, keys_seen, shape.t, rope);
    float scores[kRows][kColumns] = {};
    for (int e = 0; e < kEncodings; ++e) {
      if (!used.used[e]) continue;
      load_rotated<kTile, kHead>(k_tile, keys, rotation_of(rope, e), first_key, shape.t, shape.d);
      __syncthreads();
      float dots[kRows][kColumns];
      tile_dots<kRows, kHead>(q_tiles + e * head_floats<kHead>(kQueries), k_tile, dots);
      add_encoding(scores, dots, e, used.both(), first_query, first_key, rope);
      if (used.both()) __syncthreads();
    }

    float tile_max[kRows];
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const int query = first_query + group + i * kGroups;
      tile_max[i] = row_max[i];
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const int key = first_key + lane + j * kLanes;
        const bool visible = key < shape.t && (!shape.causal || key <= query);
        scores[i][j] = visible ? shape.scale * scores[i][j] : -INFINITY;
        tile_max[i] = fmaxf(tile_max[i], scores[i][j]);
      }
    }
    // Every row sees key 0, in the first tile: from here on its maximum is finite.
    combine_lanes(tile_max, p_tile, [](float x, float y) { return fmaxf(x, y); });
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const float correction = expf(row_max[i] - tile_max[i]);
      row_max[i] = tile_max[i];
      row_sum[i] *= correction;
#pragma unroll
      for (int p = 0; p < kPairs<kHead>; ++p) {
        sums[i][p].x *= correction;
        sums[i][p].y *= correction;
      }
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const float weight = expf(scores[i][j] - row_max[i]);
        row_sum[i] += weight;
        p_tile[(group + i * kGroups) * kWeightStride + lane + j * kLanes] = weight;
      }
    }
    // A row of weights is written and read by lanes of the same warp.
    __syncwarp();
    add_weighted_rows<kRows, kHead>(p_tile, v_tile, sums);
    // The next keys and values overwrite what other warps may still be reading.
    __syncthreads();
  }

  combine_lanes(row_sum, p_tile, [](float x, float y) { return x + y; });
  const HeadMatrix<float> target = head_rows(out, shape, shape.h, b, h);
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const int query = first_query + group + i * kGroups;
    if (query >= shape.t) continue;
    store_row<kHead>(target, sums[i], 1.0f / row_sum[i], query, shape.d);
    const std::int64_t row = static_cast<std::int64_t>(sequence_head) * shape.t + query;
    if (lane == 0) lse[row] = row_max[i] + logf(row_sum[i]);
  }
}

void windowed_attention_forward_solution(const float* q, const float* k, const float* v,
                                         const BlendedRope& rope, float* out, float* lse,
                                         const WindowedAttentionShape& shape, cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  with_head_width(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    with_rows_that_fit<forward_bytes<kHead>, kMostRows>([&](auto rows) {
      constexpr int kRows = decltype(rows)::value;
      constexpr int kBytes = forward_bytes<kHead>(kRows);
      allow_shared_memory(windowed_attention_forward_kernel<kHead, kRows>, kBytes);
      // At most B H T blocks, which check_... found to be within an int.
      const int blocks = ((shape.t - 1) / (kRows * kGroups) + 1) * shape.b * shape.h;
      windowed_attention_forward_kernel<kHead, kRows>
          <<<blocks, kThreads, kBytes, stream>>>(q, k, v, rope, out, lse, shape);
      WB_CHECK_LAUNCH();
    });
  });
}

}  // namespace

WB_REGISTER(WindowedAttentionForward, solution, windowed_attention_forward_solution);

}  // namespace wb
