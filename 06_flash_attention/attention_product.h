// The batched matrix product that materialized attention uses, forward and backward.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "05_rmsnorm_rope/heads_view.h"
#include "06_flash_attention/attention.h"

namespace wb {

/// One matrix a sequence b and query head h: element (row, column) is
/// data[b * stride_b + h / heads_per_matrix * stride_h + row * stride_row + column * stride_column].
template <class T>
struct BatchedMatrix {
  T* data = nullptr;
  std::int64_t stride_b = 0;
  std::int64_t stride_h = 0;
  std::int64_t stride_row = 0;
  std::int64_t stride_column = 0;
  int heads_per_matrix = 1;

  BatchedMatrix transposed() const {
    return {data, stride_b, stride_h, stride_column, stride_row, heads_per_matrix};
  }
};

/// The heads of a view as (T, D) matrices; h counts query heads, so a group of them shares one matrix.
template <class T>
BatchedMatrix<T> head_matrices(const HeadsView<T>& view, int query_heads) {
  return {view.data, view.stride_b, view.stride_h, view.stride_t, view.stride_d, query_heads / view.heads};
}

/// Contiguous (B, H, T, T): a row is a query, a column a key.
template <class T>
BatchedMatrix<T> score_matrices(T* data, int h, int t) {
  const std::int64_t matrix = static_cast<std::int64_t>(t) * t;
  return {data, h * matrix, matrix, t, 1, 1};
}

struct AttentionProduct {
  int b = 0;
  int h = 0;  // query heads
  int m = 0;  // rows of a and of c
  int n = 0;  // columns of b and of c
  int k = 0;  // columns of a, rows of b
  float alpha = 1.0f;
  bool causal = false;  // elements of c above the diagonal become -inf
};

/// A way to do attention_product.
using AttentionProductFunction = void(BatchedMatrix<const float> a,  // (M, K)
                                      BatchedMatrix<const float> b,  // (K, N)
                                      BatchedMatrix<float> c,        // (M, N), overwritten
                                      const AttentionProduct& product, cudaStream_t stream);

/// c = alpha * a b for every sequence and head. Where c has one matrix for several query heads, their
/// products are summed, in order. Sizes and pointers are the caller's duty.
void attention_product(BatchedMatrix<const float> a,  // (M, K)
                       BatchedMatrix<const float> b,  // (K, N)
                       BatchedMatrix<float> c,        // (M, N), overwritten
                       const AttentionProduct& product, cudaStream_t stream);

/// Materialized attention on a product of your choice; arguments and errors of AttentionForward::Function.
void attention_forward_by_products(AttentionProductFunction* multiply, HeadsView<const float> q,
                                   HeadsView<const float> k, HeadsView<const float> v, HeadsView<float> out,
                                   float* saved, const AttentionShape& shape, cudaStream_t stream);

/// The same for AttentionBackward::Function.
void attention_backward_by_products(AttentionProductFunction* multiply, HeadsView<const float> dout,
                                    HeadsView<const float> q, HeadsView<const float> k,
                                    HeadsView<const float> v, HeadsView<const float> out, const float* saved,
                                    HeadsView<float> dq, HeadsView<float> dk, HeadsView<float> dv,
                                    float* scratch, const AttentionShape& shape, cudaStream_t stream);

/// How much memory either needs.
AttentionMemory attention_memory_of_products(const AttentionShape& shape);

}  // namespace wb
