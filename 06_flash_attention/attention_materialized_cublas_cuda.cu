// Materialized attention with cuBLAS's products, as an eager framework computes it.
//
// cuBLAS multiplies column-major matrices, a batch of them at equal distances. Every layout of this chapter
// has one contiguous direction, so it is such a matrix or the transpose of one. Query heads that share a key
// head have no equal distance in both operands. So member j of every group belongs to one batch, and if their
// results must be summed (dK, dV), one batch after the other is added. cuBLAS has no mask, so a separate pass
// applies it.
//
// FLOPs and bytes: as in attention_materialized.cpp, and half a pass over the scores for the mask.
#include <cublas_v2.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "02_matmul/cublas_handle.h"
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_product.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

// One block per row of the scores.
__global__ void mask_kernel(BatchedMatrix<float> scores,  // (T, T) a head
                            int t, int h) {
  const int row = static_cast<int>(blockIdx.x % t);
  const std::int64_t head = blockIdx.x / t;
  float* target =
      scores.data + head / h * scores.stride_b + head % h * scores.stride_h + row * scores.stride_row;
  for (int column = row + 1 + static_cast<int>(threadIdx.x); column < t; column += kThreads) {
    target[column] = -INFINITY;
  }
}

// How cuBLAS reads a (rows, columns) matrix: as it is when column-major, else transposed.
struct Operand {
  cublasOperation_t operation;
  int stride;
};
template <class T>
Operand operand(const BatchedMatrix<T>& x, int rows, int columns) {
  if (x.stride_row == 1 && x.stride_column >= rows) return {CUBLAS_OP_N, static_cast<int>(x.stride_column)};
  const bool row_major = x.stride_column == 1 && x.stride_row >= columns;
  WB_REQUIRE(row_major, x.stride_column);
  return {CUBLAS_OP_T, static_cast<int>(x.stride_row)};
}

void cublas_product(BatchedMatrix<const float> a, BatchedMatrix<const float> b, BatchedMatrix<float> c,
                    const AttentionProduct& product, cudaStream_t stream) {
  const cublasHandle_t handle = cublas_handle_for(stream);
  const BatchedMatrix<float> scores = c;
  int m = product.m, n = product.n;
  // Of a row-major c, its transpose is asked for: c^T = b^T a^T.
  if (c.stride_column == 1 && c.stride_row >= n) {
    c = c.transposed();
    std::swap(a, b);
    a = a.transposed();
    b = b.transposed();
    std::swap(m, n);
  }
  const Operand left = operand(a, m, product.k), right = operand(b, product.k, n), result = operand(c, m, n);
  WB_REQUIRE(result.operation == CUBLAS_OP_N, c.stride_row);

  const int group = std::max({a.heads_per_matrix, b.heads_per_matrix, c.heads_per_matrix});
  const auto first = [&](const auto& x, int sequence, int member) {
    return x.data + sequence * x.stride_b + (x.heads_per_matrix == 1 ? member * x.stride_h : 0);
  };
  const auto distance = [&](const auto& x) {
    return static_cast<long long>(x.heads_per_matrix == 1 ? group * x.stride_h : x.stride_h);
  };
  for (int sequence = 0; sequence < product.b; ++sequence) {
    for (int member = 0; member < group; ++member) {
      const float beta = c.heads_per_matrix > 1 && member > 0 ? 1.0f : 0.0f;
      cublas_check(cublasSgemmStridedBatched(handle, left.operation, right.operation, m, n, product.k,
                                             &product.alpha, first(a, sequence, member), left.stride,
                                             distance(a), first(b, sequence, member), right.stride,
                                             distance(b), &beta, first(c, sequence, member), result.stride,
                                             distance(c), product.h / group),
                   "attention materialized_cublas: cublasSgemmStridedBatched");
    }
  }
  if (product.causal) {
    const std::int64_t rows = static_cast<std::int64_t>(product.b) * product.h * product.m;
    mask_kernel<<<attention_grid(rows), kThreads, 0, stream>>>(scores, product.m, product.h);
    WB_CHECK_LAUNCH();
  }
}

void attention_forward_cublas(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                              HeadsView<float> out, float* saved, const AttentionShape& shape,
                              cudaStream_t stream) {
  attention_forward_by_products(cublas_product, q, k, v, out, saved, shape, stream);
}

void attention_backward_cublas(HeadsView<const float> dout, HeadsView<const float> q,
                               HeadsView<const float> k, HeadsView<const float> v, HeadsView<const float> out,
                               const float* saved, HeadsView<float> dq, HeadsView<float> dk,
                               HeadsView<float> dv, float* scratch, const AttentionShape& shape,
                               cudaStream_t stream) {
  attention_backward_by_products(cublas_product, dout, q, k, v, out, saved, dq, dk, dv, scratch, shape,
                                 stream);
}

}  // namespace

WB_REGISTER(AttentionMemoryUse, materialized_cublas, attention_memory_of_products);
WB_REGISTER(AttentionForward, materialized_cublas, attention_forward_cublas);
WB_REGISTER(AttentionBackward, materialized_cublas, attention_backward_cublas);

}  // namespace wb
