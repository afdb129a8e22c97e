// Attention with its probabilities P in memory, backward: the chain rule, one product at a time.
//
//   dP = dO V^T                           a product (attention_product.h), into scratch
//   dS = P (dP - rowsum(dP P)), in place  03_softmax
//   dQ = scale dS K    dK = scale dS^T Q    dV = P^T dO
//
// dK and dV of a key/value head are summed over the query heads that read it. Masked positions need no
// special case: P is 0 there, so dS is 0 too. FLOPs: 8 B H T^2 D. Bytes: about 28 B H T^2. Scratch: (B, H, T,
// T).
#include "03_softmax/softmax.h"
#include "06_flash_attention/attention_check.h"
#include "06_flash_attention/attention_product.h"
#include "common/core/implementations.h"
#include "common/core/registry.h"

namespace wb {

void attention_backward_by_products(AttentionProductFunction* multiply, HeadsView<const float> dout,
                                    HeadsView<const float> q, HeadsView<const float> k,
                                    HeadsView<const float> v, HeadsView<const float> out, const float* saved,
                                    HeadsView<float> dq, HeadsView<float> dk, HeadsView<float> dv,
                                    float* scratch, const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  attention_check_gradients(dout, dq, dk, dv, scratch, shape);
  static const auto softmax_backward = find_implementation<SoftmaxBackward>("solution").function;
  const auto [b, t, h, kv, d, causal, scale] = shape;

  multiply(head_matrices(dout, h), head_matrices(v, h).transposed(), score_matrices(scratch, h, t),
           {.b = b, .h = h, .m = t, .n = t, .k = d}, stream);
  softmax_backward(scratch, saved, scratch, attention_rows(shape), t, stream);

  const BatchedMatrix<const float> probabilities = score_matrices(saved, h, t);
  const BatchedMatrix<const float> dscores = score_matrices<const float>(scratch, h, t);
  multiply(dscores, head_matrices(k, h), head_matrices(dq, h),
           {.b = b, .h = h, .m = t, .n = d, .k = t, .alpha = scale}, stream);
  multiply(dscores.transposed(), head_matrices(q, h), head_matrices(dk, h),
           {.b = b, .h = h, .m = t, .n = d, .k = t, .alpha = scale}, stream);
  multiply(probabilities.transposed(), head_matrices(dout, h), head_matrices(dv, h),
           {.b = b, .h = h, .m = t, .n = d, .k = t}, stream);
}

namespace {

void attention_backward_materialized(HeadsView<const float> dout, HeadsView<const float> q,
                                     HeadsView<const float> k, HeadsView<const float> v,
                                     HeadsView<const float> out, const float* saved, HeadsView<float> dq,
                                     HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                                     const AttentionShape& shape, cudaStream_t stream) {
  attention_backward_by_products(attention_product, dout, q, k, v, out, saved, dq, dk, dv, scratch, shape,
                                 stream);
}

}  // namespace

WB_REGISTER(AttentionBackward, materialized, attention_backward_materialized);

}  // namespace wb
