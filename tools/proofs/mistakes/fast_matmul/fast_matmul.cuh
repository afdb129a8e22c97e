// What the wrong kernels of fast_matmul have in common, and is right.
#pragma once

#include <cstdint>

#include "02_matmul/fast_matmul.h"
#include "02_matmul/fast_matmul_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

constexpr int kTile = 64, kDepth = 8, kRows = 8, kColumns = 4;
constexpr int kAcross = kTile / kColumns, kDown = kTile / kRows;

struct Product {
  const float* a;  // (M, K)
  const float* b;  // (K, N)
  float* c;        // (M, N)
  int m, n, k;
};

// Four neighbors; zeros outside of the matrix.
__device__ inline float4 load4(const float* matrix, int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  return *reinterpret_cast<const float4*>(&matrix[static_cast<std::int64_t>(row) * columns + column]);
}

// Where a thread's tile and its outputs are, and its sums.
struct Outputs {
  const int across, first_row, first_column, thread, row, column;
  float sums[kRows][kColumns] = {};

  __device__ explicit Outputs(const Product& p)
      : across((p.n - 1) / kTile + 1),
        first_row(static_cast<int>(blockIdx.x) / across * kTile),
        first_column(static_cast<int>(blockIdx.x) % across * kTile),
        thread(static_cast<int>(threadIdx.y * kAcross + threadIdx.x)),
        row(static_cast<int>(threadIdx.y) * kRows),
        column(static_cast<int>(threadIdx.x) * kColumns) {}

  __device__ float4 load_a(const Product& p, int start) const {
    return load4(p.a, p.m, p.k, first_row + thread / 2, start + thread % 2 * 4);
  }
  __device__ float4 load_b(const Product& p, int start) const {
    return load4(p.b, p.k, p.n, start + thread / kAcross, first_column + thread % kAcross * 4);
  }

  // Adds the products of one depth, of 8 values of A and 4 of B.
  __device__ void add(const float* from_a, const float* from_b) {
    for (int i = 0; i < kRows; ++i)
      for (int j = 0; j < kColumns; ++j) sums[i][j] += from_a[i] * from_b[j];
  }

  __device__ void store(const Product& p) const {
    for (int i = 0; i < kRows; ++i) {
      const int c_row = first_row + row + i, c_column = first_column + column;
      if (c_row >= p.m || c_column >= p.n) continue;
      for (int j = 0; j < kColumns; ++j)
        p.c[static_cast<std::int64_t>(c_row) * p.n + c_column + j] = sums[i][j];
    }
  }
};

}  // namespace wb::mistake
