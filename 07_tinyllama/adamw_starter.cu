// Your turn: AdamW. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 07 adamw
//
// Thread i of the grid owns parameter i and its gradient, m and v. Threads share nothing.
#include <cmath>
#include <cstdint>

#include "07_tinyllama/adamw.h"
#include "07_tinyllama/adamw_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void adamw_kernel(float* parameters,       // (n)
                             const float* gradients,  // (n)
                             float* m,                // (n)
                             float* v,                // (n)
                             std::int64_t n, AdamWConfig config, float correction1, float correction2) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  // TODO 1: m = beta1 m + (1 - beta1) g, and v in the same way from g^2. Store both.
  // TODO 2: The step: learning_rate * m_hat / (sqrt(v_hat) + epsilon), m_hat = m / correction1,
  //         v_hat = v / correction2. Subtract it from the parameter.
  // TODO 4: Weight decay: shrink the parameter by learning_rate * weight_decay of itself, before the step.
  //         The decay is not part of the gradient: this is the W of AdamW.
}

void adamw_starter(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
                   const AdamWConfig& config, int step, cudaStream_t stream) {
  require_adamw(parameters, gradients, m, v, n, step);
  if (n == 0) return;
  float correction1 = 1.0f, correction2 = 1.0f;
  // TODO 3: m starts at 0, so in early steps it is too small by the factor 1 - beta1^step, and v by
  //         1 - beta2^step. Compute both factors here, once for all threads, in double.
  const std::int64_t blocks = (n + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, n);
  adamw_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(parameters, gradients, m, v, n, config,
                                                                       correction1, correction2);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AdamW, starter, adamw_starter);

}  // namespace wb
