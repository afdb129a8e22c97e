// AdamW, one thread per parameter: the whole arena in one launch.
//
// Bound by bytes: reads parameter, gradient and both moments, writes all but the gradient: 28 bytes a
// parameter for about 15 FLOPs. Neighbouring threads touch neighbouring floats. What depends on the step
// alone (the bias corrections) is computed once on the host, in double: 1 - beta2^step loses most of its
// digits in float. A parameter whose gradient and moments are zero and that is zero itself stays zero:
// padding between tensors does no harm.
#include <cmath>
#include <cstdint>

#include "07_tinyllama/adamw.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

// What every thread needs of AdamWConfig and the step.
struct StepFactors {
  float keep;         // 1 - learning_rate * weight_decay
  float step_size;    // learning_rate / (1 - beta1^step)
  float second_root;  // sqrt(1 - beta2^step)
  float beta1;
  float beta2;
  float epsilon;
};

__global__ void adamw_kernel(float* parameters,       // (n)
                             const float* gradients,  // (n)
                             float* m,                // (n)
                             float* v,                // (n)
                             std::int64_t n, StepFactors factors) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const float g = gradients[i];
  const float first = factors.beta1 * m[i] + (1.0f - factors.beta1) * g;
  const float second = factors.beta2 * v[i] + (1.0f - factors.beta2) * g * g;
  m[i] = first;
  v[i] = second;
  const float denominator = sqrtf(second) / factors.second_root + factors.epsilon;
  parameters[i] = parameters[i] * factors.keep - factors.step_size * first / denominator;
}

void adamw_solution(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
                    const AdamWConfig& config, int step, cudaStream_t stream) {
  WB_REQUIRE(n >= 0, n);
  WB_REQUIRE(step >= 1, step);
  if (n == 0) return;
  WB_REQUIRE(parameters != nullptr, parameters);
  WB_REQUIRE(gradients != nullptr, gradients);
  WB_REQUIRE(m != nullptr, m);
  WB_REQUIRE(v != nullptr, v);
  const StepFactors factors = {
      .keep = 1.0f - config.learning_rate * config.weight_decay,
      .step_size = static_cast<float>(config.learning_rate / (1.0 - std::pow(config.beta1, step))),
      .second_root = static_cast<float>(std::sqrt(1.0 - std::pow(config.beta2, step))),
      .beta1 = config.beta1,
      .beta2 = config.beta2,
      .epsilon = config.epsilon,
  };
  const auto blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  adamw_kernel<<<blocks, kThreads, 0, stream>>>(parameters, gradients, m, v, n, factors);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AdamW, solution, adamw_solution);

}  // namespace wb
