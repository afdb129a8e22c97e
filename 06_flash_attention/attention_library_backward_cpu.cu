// Attention with OpenBLAS's matrix products, backward: five products per 64 queries, with the formulas of the
// lesson. For the CPU device only.
//
//   P = exp(scale Q K^T - lse)   dP = dO V^T   dS = P (dP - delta)
//   dV += P^T dO   dQ = scale dS K   dK += scale dS^T Q
//
// A block is one thread. It takes one key/value head of one sequence and all query heads of its group, 64
// queries at a time. So dK and dV have one owner: there are no atomics, and every run gives the same bits.
// FLOPs: 10 B H T^2 D, a little more than half of it when causal. No scratch memory.
#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_library_cpu.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace library_attention;

// c (m, n) = alpha op(a) op(b) + beta c
void product(CBLAS_TRANSPOSE a_op, CBLAS_TRANSPOSE b_op, int m, int n, int k, float alpha, const float* a,
             int a_stride, const float* b, int b_stride, float beta, float* c, int c_stride) {
  cblas_sgemm(CblasRowMajor, a_op, b_op, m, n, k, alpha, a, a_stride, b, b_stride, beta, c, c_stride);
}

// From scores to P, and from dP to dS, both (rows, keys); what a query does not see becomes 0.
void softmax_gradient(float* p, float* dp, const float* lse, const PackedRows& dout, const PackedRows& out,
                      int first, int rows, int keys, int d, bool causal) {
  for (int i = 0; i < rows; ++i) {
    float delta = 0.0f;
    for (int c = 0; c < d; ++c) delta += dout.data[i * dout.stride + c] * out.data[i * out.stride + c];
    float* p_row = p + static_cast<std::size_t>(i) * keys;
    float* dp_row = dp + static_cast<std::size_t>(i) * keys;
    const int seen = causal ? first + i + 1 : keys;
    for (int s = 0; s < seen; ++s) {
      p_row[s] = expf(p_row[s] - lse[i]);
      dp_row[s] = p_row[s] * (dp_row[s] - delta);
    }
    std::fill(p_row + seen, p_row + keys, 0.0f);
    std::fill(dp_row + seen, dp_row + keys, 0.0f);
  }
}

__global__ void attention_library_backward(HeadsView<const float> dout,  // (B, T, H, D)
                                           HeadsView<const float> q,     // (B, T, H, D)
                                           HeadsView<const float> k,     // (B, T, K, D)
                                           HeadsView<const float> v,     // (B, T, K, D)
                                           HeadsView<const float> out,   // (B, T, H, D)
                                           const float* lse,             // (B, H, T)
                                           HeadsView<float> dq,          // (B, T, H, D)
                                           HeadsView<float> dk,          // (B, T, K, D)
                                           HeadsView<float> dv,          // (B, T, K, D)
                                           AttentionShape shape) {
  const int kv_head = static_cast<int>(blockIdx.x % shape.kv);
  const int b = static_cast<int>(blockIdx.x / shape.kv);
  const int group = shape.h / shape.kv;
  const int t = shape.t, d = shape.d;
  const PackedRows key(k, b, kv_head, 0, t, d);
  const PackedRows value(v, b, kv_head, 0, t, d);
  std::vector<float> dkey(static_cast<std::size_t>(t) * d);                        // (T, D)
  std::vector<float> dvalue(static_cast<std::size_t>(t) * d);                      // (T, D)
  std::vector<float> p(static_cast<std::size_t>(std::min(kQueries, t)) * t);       // (rows, keys)
  std::vector<float> ds(p.size());                                                 // (rows, keys)
  std::vector<float> dquery(static_cast<std::size_t>(std::min(kQueries, t)) * d);  // (rows, D)
  for (int h = kv_head * group; h < (kv_head + 1) * group; ++h) {
    for (int first = 0; first < t; first += kQueries) {
      const int rows = std::min(kQueries, t - first);
      const int keys = shape.causal ? first + rows : t;
      const PackedRows query(q, b, h, first, rows, d);
      const PackedRows dresult(dout, b, h, first, rows, d);
      const PackedRows result(out, b, h, first, rows, d);
      product(CblasNoTrans, CblasTrans, rows, keys, d, shape.scale, query.data, query.stride, key.data,
              key.stride, 0.0f, p.data(), keys);
      product(CblasNoTrans, CblasTrans, rows, keys, d, 1.0f, dresult.data, dresult.stride, value.data,
              value.stride, 0.0f, ds.data(), keys);
      softmax_gradient(p.data(), ds.data(), lse + (static_cast<std::int64_t>(b) * shape.h + h) * t + first,
                       dresult, result, first, rows, keys, d, shape.causal);
      product(CblasTrans, CblasNoTrans, keys, d, rows, 1.0f, p.data(), keys, dresult.data, dresult.stride,
              1.0f, dvalue.data(), d);
      product(CblasTrans, CblasNoTrans, keys, d, rows, shape.scale, ds.data(), keys, query.data, query.stride,
              1.0f, dkey.data(), d);
      product(CblasNoTrans, CblasNoTrans, rows, d, keys, shape.scale, ds.data(), keys, key.data, key.stride,
              0.0f, dquery.data(), d);
      store_rows(dquery, dq, b, h, first, rows, d);
    }
  }
  store_rows(dkey, dk, b, kv_head, 0, t, d);
  store_rows(dvalue, dv, b, kv_head, 0, t, d);
}

}  // namespace

void attention_backward_library(HeadsView<const float> dout, HeadsView<const float> q,
                                HeadsView<const float> k, HeadsView<const float> v,
                                HeadsView<const float> out, const float* saved, HeadsView<float> dq,
                                HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                                const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  attention_check_gradients(dout, dq, dk, dv, scratch, shape);
  openblas_set_num_threads(1);
  const std::int64_t blocks = static_cast<std::int64_t>(shape.b) * shape.kv;
  attention_library_backward<<<attention_grid(blocks), 1, 0, stream>>>(dout, q, k, v, out, saved, dq, dk, dv,
                                                                       shape);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AttentionBackward, library, attention_backward_library);

}  // namespace wb
