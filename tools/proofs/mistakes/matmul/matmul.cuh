// What the wrong kernels of matmul share: operands in any layout, and one output per thread.
#pragma once

#include <cstdint>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kTile = 16;

struct Product {
  MatmulLayout layout;
  const float* a;  // (M, K), or (K, M) for kTN
  const float* b;  // (K, N), or (N, K) for kNT
  float* c;        // (M, N)
  int m, n, k;
  float alpha, beta;
};

inline dim3 grid_of(const Product& p) {
  return dim3((p.m - 1) / kTile + 1, (p.n - 1) / kTile + 1);
}

/// The output of this thread.
struct Output {
  const Product& p;
  int x, y, row, column;

  __device__ explicit Output(const Product& product)
      : p(product),
        x(static_cast<int>(threadIdx.x)),
        y(static_cast<int>(threadIdx.y)),
        row(static_cast<int>(blockIdx.x) * kTile + y),
        column(static_cast<int>(blockIdx.y) * kTile + x) {}
  __device__ bool exists() const { return row < p.m && column < p.n; }
  __device__ bool has_a(int at_k) const { return row < p.m && at_k < p.k; }
  __device__ bool has_b(int at_k) const { return column < p.n && at_k < p.k; }
  __device__ float a(int at_k) const {
    const std::int64_t m = p.m, k = p.k;
    return p.a[p.layout == MatmulLayout::kTN ? at_k * m + row : row * k + at_k];
  }
  __device__ float b(int at_k) const {
    const std::int64_t n = p.n, k = p.k;
    return p.b[p.layout == MatmulLayout::kNT ? column * k + at_k : at_k * n + column];
  }
  __device__ void store(float sum) const {
    const std::int64_t at = row * static_cast<std::int64_t>(p.n) + column;
    p.c[at] = p.beta == 0.0f ? p.alpha * sum : p.alpha * sum + p.beta * p.c[at];
  }
};

/// Without tiles; every index has the type Index.
template <class Index>
__device__ void multiply_with_index(const Product& p) {
  const Index row = static_cast<Index>(blockIdx.x) * kTile + static_cast<Index>(threadIdx.y);
  const Index column = static_cast<Index>(blockIdx.y) * kTile + static_cast<Index>(threadIdx.x);
  const Index m = p.m, n = p.n, k = p.k;
  if (row >= m || column >= n) return;
  float sum = 0.0f;
  for (Index i = 0; i < k; ++i) {
    const Index at_a = p.layout == MatmulLayout::kTN ? i * m + row : row * k + i;
    const Index at_b = p.layout == MatmulLayout::kNT ? column * k + i : i * n + column;
    sum += p.a[at_a] * p.b[at_b];
  }
  const Index at_c = row * n + column;
  p.c[at_c] = p.beta == 0.0f ? p.alpha * sum : p.alpha * sum + p.beta * p.c[at_c];
}

}  // namespace wb::mistake
