// Two encodings in the tiles of flash attention: which of them a tile of scores needs, how they blend, rows
// that are rotated while they are loaded, and gradients that are rotated back while they are stored.
//
// In a tile of rotated rows the second half of a head starts at kHead / 2 for any D: pair c is features (c,
// kHead / 2 + c), and the padding of the halves is 0. Both operands of a product have this order of features,
// so the product is the same.
#pragma once

#include "06_flash_attention/windowed_attention_tiles.cuh"

namespace wb::windowed {

/// The weight of an encoding in the score of rows i and j. Symmetric: query and key may change places.
__device__ inline float encoding_weight(int encoding, int i, int j, const BlendedRope& rope) {
  const float beyond = static_cast<float>(abs(i - j) - rope.window);
  const float far = fminf(fmaxf(beyond / static_cast<float>(max(rope.band, 1)), 0.0f), 1.0f);
  return encoding == kFar ? far : 1.0f - far;
}

/// Distances in a tile run from that of its nearest corners to that of its farthest: two comparisons tell a
/// tile that is all near, or all far, from one that the band crosses. Rows and columns from t on do not
/// count.
__device__ inline TileEncodings tile_encodings(int first_row, int rows, int first_column, int columns, int t,
                                               const BlendedRope& rope) {
  const int last_row = min(first_row + rows, t) - 1;
  const int last_column = min(first_column + columns, t) - 1;
  const int nearest = max(0, max(first_row - last_column, first_column - last_row));
  const int farthest = max(last_row - first_column, last_column - first_row);
  const bool some_near = nearest - rope.window < max(rope.band, 1);
  const bool some_far = farthest > rope.window;
  return {{some_near, some_far}};
}

__device__ inline float4 rotate_first(float4 x, float4 y, float4 c, float4 s) {
  return make_float4(x.x * c.x - y.x * s.x, x.y * c.y - y.y * s.y, x.z * c.z - y.z * s.z,
                     x.w * c.w - y.w * s.w);
}
__device__ inline float4 rotate_second(float4 x, float4 y, float4 c, float4 s) {
  return make_float4(y.x * c.x + x.x * s.x, y.y * c.y + x.y * s.y, y.z * c.z + x.z * s.z,
                     y.w * c.w + x.w * s.w);
}

/// Copies rows first .. first + kRows - 1 of `source` into `tile`, each rotated by the angles of its
/// position. Rows past t become 0. Four pairs at a time where half a row is made of float4, else one.
template <int kRows, int kHead>
__device__ void load_rotated(float* tile,  // (kRows, kHeadStride)
                             const HeadMatrix<const float>& source, const Rotation& rotation, int first,
                             int t, int d) {
  const int half = d / 2;
  const auto addresses = reinterpret_cast<std::uintptr_t>(source.data) |
                         reinterpret_cast<std::uintptr_t>(rotation.cosine) |
                         reinterpret_cast<std::uintptr_t>(rotation.sine);
  if (half % 4 == 0 && addresses % sizeof(float4) == 0) {
    constexpr int kPacks = kHead / 8;
    const auto load = [](const float* from) { return *reinterpret_cast<const float4*>(from); };
    for (int i = threadIdx.x; i < kRows * kPacks; i += kThreads) {
      const int row = i / kPacks;
      const int c = i % kPacks * 4;
      const int position = first + row;
      float4 x = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
      float4 y = x;
      if (position < t && c < half) {
        const std::int64_t angle = static_cast<std::int64_t>(position) * half + c;
        const float4 cosine = load(rotation.cosine + angle);
        const float4 sine = load(rotation.sine + angle);
        const float4 old_x = load(&source.at(position, c));
        const float4 old_y = load(&source.at(position, half + c));
        x = rotate_first(old_x, old_y, cosine, sine);
        y = rotate_second(old_x, old_y, cosine, sine);
      }
      *reinterpret_cast<float4*>(tile + row * kHeadStride<kHead> + c) = x;
      *reinterpret_cast<float4*>(tile + row * kHeadStride<kHead> + kHead / 2 + c) = y;
    }
  } else {
    constexpr int kPairsOfHead = kHead / 2;
    for (int i = threadIdx.x; i < kRows * kPairsOfHead; i += kThreads) {
      const int row = i / kPairsOfHead;
      const int c = i % kPairsOfHead;
      const int position = first + row;
      float x = 0.0f;
      float y = 0.0f;
      if (position < t && c < half) {
        const std::int64_t angle = static_cast<std::int64_t>(position) * half + c;
        const float cosine = rotation.cosine[angle];
        const float sine = rotation.sine[angle];
        x = source.at(position, c) * cosine - source.at(position, half + c) * sine;
        y = source.at(position, half + c) * cosine + source.at(position, c) * sine;
      }
      tile[row * kHeadStride<kHead> + c] = x;
      tile[row * kHeadStride<kHead> + kPairsOfHead + c] = y;
    }
  }
}

/// scores += weight * dots, the weight being that of `encoding` at each element's distance; 1 in a tile that
/// no other encoding has a part in.
template <int kRows>
__device__ __forceinline__ void add_encoding(float (&scores)[kRows][kColumns],
                                             const float (&dots)[kRows][kColumns], int encoding, bool blended,
                                             int first_row, int first_column, const BlendedRope& rope) {
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      const int row = first_row + threadIdx.x / kLanes + i * kGroups;
      const int column = first_column + threadIdx.x % kLanes + j * kLanes;
      const float weight = blended ? encoding_weight(encoding, row, column, rope) : 1.0f;
      scores[i][j] += weight * dots[i][j];
    }
  }
}

/// Loads rows of `source` for each encoding that a tile uses.
template <int kRows, int kHead>
__device__ void load_encodings(float* tiles,  // (kEncodings, kRows, kHeadStride)
                               const HeadMatrix<const float>& source, const BlendedRope& rope,
                               const TileEncodings& encodings, int first, int t, int d) {
  for (int e = 0; e < kEncodings; ++e) {
    if (!encodings.used[e]) continue;
    load_rotated<kRows, kHead>(tiles + e * head_floats<kHead>(kRows), source, rotation_of(rope, e), first, t,
                               d);
  }
}

/// The blended products of rows and columns, before scale.
template <int kRows, int kHead>
__device__ __forceinline__ void blended_dots(float (&scores)[kRows][kColumns],
                                             const float* rows,     // (kEncodings, 16 kRows, kHeadStride)
                                             const float* columns,  // (kEncodings, kTile, kHeadStride)
                                             const BlendedRope& rope, const TileEncodings& encodings,
                                             int first_row, int first_column) {
  for (int e = 0; e < kEncodings; ++e) {
    if (!encodings.used[e]) continue;
    float dots[kRows][kColumns];
    tile_dots<kRows, kHead>(rows + e * head_floats<kHead>(kRows * kGroups),
                            columns + e * head_floats<kHead>(kTile), dots);
    add_encoding(scores, dots, e, encodings.both(), first_row, first_column, rope);
  }
}

/// sums[e] += (weight of e * ds) columns[e], for each encoding that the tile uses. e must be known when
/// compiling: sums are registers.
template <int kRows, int kHead>
__device__ __forceinline__ void add_blended_rows(float2 (&sums)[kEncodings][kRows][kPairs<kHead>],
                                                 const float (&ds)[kRows][kColumns],
                                                 float* weights,        // (16 kRows, kWeightStride)
                                                 const float* columns,  // (kEncodings, kTile, kHeadStride)
                                                 const BlendedRope& rope, const TileEncodings& encodings,
                                                 int first_row, int first_column) {
#pragma unroll
  for (int e = 0; e < kEncodings; ++e) {
    if (!encodings.used[e]) continue;
    float share[kRows][kColumns] = {};
    add_encoding(share, ds, e, encodings.both(), first_row, first_column, rope);
    put_weights(weights, share);
    add_weighted_rows<kRows, kHead>(weights, columns + e * head_floats<kHead>(kTile), sums[e]);
  }
}

/// Rotates the rows of each used encoding's tile back, by its own angles, and writes factor * their sum to
/// rows first .. of `target`. A rotation's transpose is its inverse: this is the gradient of load_rotated.
template <int kRows, int kHead>
__device__ void store_rotated_back(const HeadMatrix<float>& target,
                                   const float* tiles,  // (kEncodings, kRows, kHeadStride)
                                   const BlendedRope& rope, const TileEncodings& encodings, float factor,
                                   int first, int t, int d) {
  const int half = d / 2;
  constexpr int kPairsOfHead = kHead / 2;
  for (int i = threadIdx.x; i < kRows * kPairsOfHead; i += kThreads) {
    const int row = i / kPairsOfHead;
    const int c = i % kPairsOfHead;
    const int position = first + row;
    if (position >= t || c >= half) continue;
    const std::int64_t angle = static_cast<std::int64_t>(position) * half + c;
    float x = 0.0f;
    float y = 0.0f;
    for (int e = 0; e < kEncodings; ++e) {
      if (!encodings.used[e]) continue;
      const Rotation rotation = rotation_of(rope, e);
      const float* of_row = tiles + e * head_floats<kHead>(kRows) + row * kHeadStride<kHead>;
      const float cosine = rotation.cosine[angle];
      const float sine = rotation.sine[angle];
      x += of_row[c] * cosine + of_row[kPairsOfHead + c] * sine;
      y += of_row[kPairsOfHead + c] * cosine - of_row[c] * sine;
    }
    target.at(position, c) = factor * x;
    target.at(position, half + c) = factor * y;
  }
}

}  // namespace wb::windowed
