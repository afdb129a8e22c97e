// Mistake: the number of parameters is an int: past 2^31 of them it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include <cmath>
#include <cstdint>

#include "07_tinyllama/adamw.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void count_of_32_bits_kernel(float* parameters,       // (n)
                                        const float* gradients,  // (n)
                                        float* m,                // (n)
                                        float* v,                // (n)
                                        int n, AdamWConfig config, float correction1, float correction2) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float p = parameters[i], g = gradients[i];
  m[i] = config.beta1 * m[i] + (1.0f - config.beta1) * g;
  v[i] = config.beta2 * v[i] + (1.0f - config.beta2) * g * g;
  p -= config.learning_rate * config.weight_decay * p;
  p -= config.learning_rate * (m[i] / correction1) / (sqrtf(v[i] / correction2) + config.epsilon);
  parameters[i] = p;
}

void count_of_32_bits(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
                      const AdamWConfig& config, int step, cudaStream_t stream) {
  if (n == 0) return;
  const double correction1 = 1.0 - std::pow(config.beta1, step),
               correction2 = 1.0 - std::pow(config.beta2, step);
  count_of_32_bits_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(
      parameters, gradients, m, v, static_cast<int>(n), config, static_cast<float>(correction1),
      static_cast<float>(correction2));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AdamW, count_of_32_bits, count_of_32_bits);

}  // namespace
}  // namespace wb
