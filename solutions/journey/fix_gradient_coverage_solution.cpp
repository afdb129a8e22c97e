// A training step on a tape, with every operation recorded. See fix_gradient_coverage.md.
#include <cstdint>

#include "07_tinyllama/fixits/fix_gradient_coverage.h"
#include "07_tinyllama/trainer/step_kernels.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// y (N, out) = x (N, in) w^T.
void linear(const TapedModel& m, const Tensor& x, const Tensor& w, const Tensor& y, int in, int out,
            Tape& tape) {
  const auto matmul = m.kernels.matmul;
  const int n = m.config.tokens();
  matmul(MatmulLayout::kNT, x.value, w.value, y.value, n, out, in, 1.0f, 0.0f, nullptr);
  tape.record([=] {
    matmul(MatmulLayout::kNN, y.gradient, w.value, x.gradient, n, in, out, 1.0f, 0.0f, nullptr);
    matmul(MatmulLayout::kTN, y.gradient, x.value, w.gradient, out, in, n, 1.0f, 1.0f, nullptr);
  });
}

// y = x + branch. Both receive the gradient of y.
void add(const TapedModel& m, const Tensor& x, const Tensor& branch, const Tensor& y, Tape& tape) {
  const std::int64_t size = static_cast<std::int64_t>(m.config.tokens()) * m.config.c;
  m.kernels.vector_add(x.value, branch.value, y.value, size, nullptr);
  tape.record([=] {
    const std::size_t bytes = static_cast<std::size_t>(size) * sizeof(float);
    for (float* gradient : {x.gradient, branch.gradient})
      WB_CUDA_CHECK(cudaMemcpyAsync(gradient, y.gradient, bytes, cudaMemcpyDeviceToDevice, nullptr));
  });
}

// The mean cross entropy of the logits.
void mean_cross_entropy(TapedModel& m, const int* targets, float* loss, Tape& tape) {
  const int n = m.config.tokens(), v = m.config.v;
  m.kernels.cross_entropy_forward(m.logits.value, targets, m.losses, m.lse, n, v, nullptr);
  mean_loss(m.losses, loss, n, nullptr);
  tape.record([&m, targets, n, v] {
    m.kernels.cross_entropy_backward(m.logits.value, targets, m.lse, m.logits.gradient,
                                     1.0f / static_cast<float>(n), n, v, nullptr);
  });
}

// x = the rows of the embedding that the tokens name. The head has given the tied matrix one gradient
// already; this is the second, and it is added.
void embed(TapedModel& m, const int* tokens, const Tensor& x, Tape& tape) {
  const int n = m.config.tokens(), c = m.config.c;
  m.kernels.embedding_forward(tokens, m.embedding.value, x.value, n, c, nullptr);
  tape.record([&m, tokens, x, n, c] {
    m.kernels.embedding_backward(tokens, x.gradient, m.embedding.gradient, n, c, nullptr);
  });
}

// The residual stream uses x as well, and has stored its gradient already: add to it.
void rmsnorm(TapedModel& m, const Tensor& x, const Tensor& weight, const Tensor& y, float* rstd, Tape& tape) {
  const int n = m.config.tokens(), c = m.config.c;
  m.kernels.rmsnorm_forward(x.value, weight.value, y.value, rstd, n, c, m.config.epsilon, nullptr);
  tape.record([&m, x, weight, y, rstd, n, c] {
    m.kernels.rmsnorm_backward(y.gradient, x.value, weight.value, rstd, m.dx, weight.gradient, m.norm_scratch,
                               n, c, nullptr);
    m.kernels.vector_add(x.gradient, m.dx, x.gradient, static_cast<std::int64_t>(n) * c, nullptr);
  });
}

// product = silu(normed gate_proj^T) * (normed up_proj^T).
void swiglu(TapedModel& m, const TapedModel::Layer& a, Tape& tape) {
  const int n = m.config.tokens(), c = m.config.c, f = m.config.f;
  m.kernels.swiglu_forward(a.normed.value, a.gate_proj.value, a.up_proj.value, a.gate.value, a.up.value,
                           a.product.value, n, c, f, m.kernels.matmul, nullptr);
  tape.record([&m, &a, n, c, f] {
    m.kernels.swiglu_backward(a.product.gradient, a.normed.value, a.gate_proj.value, a.up_proj.value,
                              a.gate.value, a.up.value, a.gate.gradient, a.up.gradient, a.normed.gradient,
                              a.gate_proj.gradient, a.up_proj.gradient, n, c, f, m.kernels.matmul, nullptr);
  });
}

void taped_forward_solution(TapedModel& m, const int* tokens, const int* targets, float* loss, Tape& tape) {
  const int c = m.config.c, f = m.config.f, l = m.config.l;
  embed(m, tokens, l > 0 ? m.layers[0].input : m.output, tape);
  for (int i = 0; i < l; ++i) {
    const TapedModel::Layer& layer = m.layers[static_cast<std::size_t>(i)];
    const Tensor& next = i + 1 < l ? m.layers[static_cast<std::size_t>(i) + 1].input : m.output;
    rmsnorm(m, layer.input, layer.norm_weight, layer.normed, layer.rstd, tape);
    swiglu(m, layer, tape);
    linear(m, layer.product, layer.down_proj, layer.branch, f, c, tape);
    add(m, layer.input, layer.branch, next, tape);
  }
  rmsnorm(m, m.output, m.norm, m.output_norm, m.output_rstd, tape);
  linear(m, m.output_norm, m.embedding, m.logits, c, m.config.v, tape);
  mean_cross_entropy(m, targets, loss, tape);
}

}  // namespace

WB_REGISTER(TapedForward, solution, taped_forward_solution);

}  // namespace wb
