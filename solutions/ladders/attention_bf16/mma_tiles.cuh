// What a warp does with its 16 rows: products of its 16 rows with tiles in shared memory (mma.sync).
//
// A tile holds kRows rows of a head of kHead features, in chunks of 64 features. Piece p (16 bytes) of row r
// of a chunk lies at place p XOR r % 8: ldmatrix meets no bank conflict (docs/tensor_cores.md).
//
// Registers hold (16, 8) blocks as mma.sync leaves them: lane l has columns 2 (l % 4) + 0, 1 of rows l / 4
// and l / 4 + 8.
#pragma once

#include <cstdint>

#include "05_rmsnorm_rope/heads_view.h"
#include "solutions/ladders/matmul_bf16/mma.cuh"

namespace wb::attention {

/// Two numbers rounded to bf16; `first` lies first in memory.
__device__ inline std::uint32_t pack_pair(float first, float second) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
  return pair;
}

__device__ inline void unpack_pair(std::uint32_t pair, float& first, float& second) {
  first = __uint_as_float(pair << 16);
  second = __uint_as_float(pair & 0xFFFF0000u);
}

/// Where a feature of a row lies in a tile of kRows rows, in elements.
template <int kRows>
__device__ int place(int row, int feature) {
  return feature / 64 * (kRows * 64) + row * 64 + (feature % 64 / 8 ^ row % 8) * 8 + feature % 8;
}

/// The kThreads threads of a block begin to copy rows `first` ... of a head into a tile. Rows from t on, and
/// features from d on, are zeros. `vectors`: 16 bytes at a time, without waiting (cp.async).
template <int kHead, int kRows, int kThreads>
__device__ void begin_copy(bf16* tile, const HeadsView<const bf16>& from, int b, int head, int first, int t,
                           int d, bool vectors) {
  const bf16* base = from.data + b * from.stride_b + head * from.stride_h;
#pragma unroll
  for (int i = 0; i < kRows * kHead / 8 / kThreads; ++i) {
    const int piece = static_cast<int>(threadIdx.x) + i * kThreads;
    const int row = piece / (kHead / 8), feature = piece % (kHead / 8) * 8;
    const bool inside = first + row < t && feature < d;
    const bf16* source = base + (inside ? (first + row) * from.stride_t + feature * from.stride_d : 0);
    bf16* target = tile + place<kRows>(row, feature);
    if (vectors) {
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                       static_cast<std::uint32_t>(__cvta_generic_to_shared(target))),
                   "l"(source), "r"(inside ? 16 : 0)
                   : "memory");
      continue;
    }
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      target[j] = inside && feature + j < d ? source[j * from.stride_d] : bf16(0.0f);
    }
  }
}

__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}
/// Returns when at most one group of this thread's copies is in flight.
__device__ inline void wait_for_copies_but_one() {
  asm volatile("cp.async.wait_group 1;" ::: "memory");
}

/// products (16, kColumns) = rows (16, kHead) columns (kColumns, kHead)^T; `rows` are those from first_row on
/// of a tile of kRows.
template <int kHead, int kRows, int kColumns>
__device__ void multiply_rows(float (&products)[kColumns / 8][4], const bf16* rows, int first_row,
                              const bf16* columns) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (auto& block : products) block[0] = block[1] = block[2] = block[3] = 0.0f;
#pragma unroll
  for (int k = 0; k < kHead; k += 16) {
    std::uint32_t a[4];
    load_matrices<false>(a, rows + place<kRows>(first_row + lane % 16, k + lane / 16 * 8));
#pragma unroll
    for (int n = 0; n < kColumns; n += 16) {
      std::uint32_t b[4];
      load_matrices<false>(b, columns + place<kColumns>(n + lane / 16 * 8 + lane % 8, k + lane / 8 % 2 * 8));
      multiply(products[n / 8], a, b[0], b[1]);
      multiply(products[n / 8 + 1], a, b[2], b[3]);
    }
  }
}

/// sums (16, kHead) += weights (16, kColumns) columns (kColumns, kHead). The weights are rounded to bf16.
template <int kHead, int kColumns>
__device__ void add_weighted(float (&sums)[kHead / 8][4], const float (&weights)[kColumns / 8][4],
                             const bf16* columns) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int k = 0; k < kColumns; k += 16) {
    const auto &left = weights[k / 8], &right = weights[k / 8 + 1];
    const std::uint32_t a[4] = {pack_pair(left[0], left[1]), pack_pair(left[2], left[3]),
                                pack_pair(right[0], right[1]), pack_pair(right[2], right[3])};
#pragma unroll
    for (int n = 0; n < kHead; n += 16) {
      std::uint32_t b[4];
      load_matrices<true>(b, columns + place<kColumns>(k + lane % 16, n + lane / 16 * 8));
      multiply(sums[n / 8], a, b[0], b[1]);
      multiply(sums[n / 8 + 1], a, b[2], b[3]);
    }
  }
}

/// Rows first_row, first_row + 8 of factor * sums to a head, as far as t and d. `pairs`: 4 bytes at a time.
template <int kHead>
__device__ void store_rows(const HeadsView<bf16>& to, int b, int head, int first_row, int t, int d,
                           const float (&sums)[kHead / 8][4], float factor, bool pairs) {
  bf16* base = to.data + b * to.stride_b + head * to.stride_h;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int row = first_row + 8 * half;
    if (row >= t) continue;
#pragma unroll
    for (int i = 0; i < kHead / 8; ++i) {
      const int feature = 8 * i + static_cast<int>(threadIdx.x) % 4 * 2;
      if (feature >= d) continue;
      bf16* target = base + row * to.stride_t + feature * to.stride_d;
      const float first = factor * sums[i][2 * half], second = factor * sums[i][2 * half + 1];
      if (pairs) {
        *reinterpret_cast<std::uint32_t*>(target) = pack_pair(first, second);
      } else {
        *target = bf16(first);
        if (feature + 1 < d) target[to.stride_d] = bf16(second);
      }
    }
  }
}

}  // namespace wb::attention
