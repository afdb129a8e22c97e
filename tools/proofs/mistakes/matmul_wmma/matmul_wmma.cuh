// What the wrong kernels of matmul_wmma have in common, and is right.
#pragma once

#include <mma.h>

#include <cstdint>

#include "02_matmul/matmul_wmma.h"
#include "02_matmul/matmul_wmma_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

using namespace nvcuda;

constexpr int kFragment = 16, kTile = 32, kDepth = 64, kThreads = 128;

using FragmentA = wmma::fragment<wmma::matrix_a, 16, 16, 16, bf16, wmma::row_major>;
using FragmentB = wmma::fragment<wmma::matrix_b, 16, 16, 16, bf16, wmma::row_major>;
using Sums = wmma::fragment<wmma::accumulator, 16, 16, 16, float>;

struct Product {
  const bf16* a;  // (M, K)
  const bf16* b;  // (K, N)
  float* c;       // (M, N)
  int m, n, k;
};

// Eight neighbors; zeros outside of the matrix.
__device__ inline uint4 load8(const bf16* matrix, int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return make_uint4(0, 0, 0, 0);
  return *reinterpret_cast<const uint4*>(&matrix[static_cast<std::int64_t>(row) * columns + column]);
}

// Where a warp's tile and its outputs are, and its sums: one fragment.
struct Outputs {
  const int across, first_row, first_column, warp, row, column;
  Sums sums;

  __device__ explicit Outputs(const Product& p)
      : across((p.n - 1) / kTile + 1),
        first_row(static_cast<int>(blockIdx.x) / across * kTile),
        first_column(static_cast<int>(blockIdx.x) % across * kTile),
        warp(static_cast<int>(threadIdx.x) / 32),
        row(warp / 2 * kFragment),
        column(warp % 2 * kFragment) {
    wmma::fill_fragment(sums, 0.0f);
  }

  __device__ bool exist(const Product& p) const {
    return first_row + row < p.m && first_column + column < p.n;
  }

  // The block's part of both tiles. `stride`: of a row of each.
  __device__ void copy(const Product& p, int start, bf16* a_tile, int a_stride, bf16* b_tile,
                       int b_stride) const {
    for (int i = 8 * static_cast<int>(threadIdx.x); i < kTile * kDepth; i += 8 * kThreads) {
      *reinterpret_cast<uint4*>(&a_tile[i / kDepth * a_stride + i % kDepth]) =
          load8(p.a, p.m, p.k, first_row + i / kDepth, start + i % kDepth);
      *reinterpret_cast<uint4*>(&b_tile[i / kTile * b_stride + i % kTile]) =
          load8(p.b, p.k, p.n, start + i / kTile, first_column + i % kTile);
    }
  }

  __device__ void store(const Product& p) const {
    if (!exist(p)) return;
    float* target = &p.c[static_cast<std::int64_t>(first_row + row) * p.n + first_column + column];
    wmma::store_matrix_sync(target, sums, static_cast<unsigned>(p.n), wmma::mem_row_major);
  }
};

}  // namespace wb::mistake
