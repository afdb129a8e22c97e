// Attention with its score matrix in memory, forward: three steps, as in an eager framework.
//
//   S = scale * Q K^T, -inf above the diagonal when causal     a product, attention_product.h
//   P = softmax of every row of S, in place                    03_softmax
//   O = P V                                                    a product
//
// Flash attention is compared with this implementation. P is stored for the backward pass: B H T^2 floats per
// layer. One pass over memory writes S, two belong to the softmax, and one reads P again. FLOPs: 4 B H T^2 D,
// also when causal. Bytes: about 16 B H T^2, T / D times as many as for q, k, v and out. Next:
// attention_solution.cu, which never stores S; attention_materialized_cublas_cuda.cu, with faster products.
#include <limits>

#include "03_softmax/softmax.h"
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_product.h"
#include "common/core/implementations.h"
#include "common/core/registry.h"

namespace wb {

AttentionMemory attention_memory_of_products(const AttentionShape& shape) {
  attention_check(shape);
  const std::size_t scores = static_cast<std::size_t>(shape.b) * shape.h * shape.t * shape.t;
  return {scores, scores};
}

void attention_forward_by_products(AttentionProductFunction* multiply, HeadsView<const float> q,
                                   HeadsView<const float> k, HeadsView<const float> v, HeadsView<float> out,
                                   float* saved, const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  static const auto softmax = find_implementation<SoftmaxForward>("solution").function;
  const auto [b, t, h, kv, d, causal, scale] = shape;

  const BatchedMatrix<float> probabilities = score_matrices(saved, h, t);
  multiply(head_matrices(q, h), head_matrices(k, h).transposed(), probabilities,
           {.b = b, .h = h, .m = t, .n = t, .k = d, .alpha = scale, .causal = causal}, stream);
  softmax(saved, saved, attention_rows(shape), t, stream);
  multiply(score_matrices<const float>(saved, h, t), head_matrices(v, h), head_matrices(out, h),
           {.b = b, .h = h, .m = t, .n = d, .k = t}, stream);
}

namespace {

void attention_forward_materialized(HeadsView<const float> q, HeadsView<const float> k,
                                    HeadsView<const float> v, HeadsView<float> out, float* saved,
                                    const AttentionShape& shape, cudaStream_t stream) {
  attention_forward_by_products(attention_product, q, k, v, out, saved, shape, stream);
}

}  // namespace

WB_REGISTER(AttentionMemoryUse, materialized, attention_memory_of_products);
WB_REGISTER(AttentionForward, materialized, attention_forward_materialized);

}  // namespace wb
