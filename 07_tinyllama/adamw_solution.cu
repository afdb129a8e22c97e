// AdamW: the whole arena in one launch.
//
// It reads parameter, gradient and both moments and writes all but the gradient: 28 bytes per parameter for
// about 15 FLOPs, so it is memory bound. Thread i owns pack i of each array, 16 bytes if addresses and n
// allow it, else one element. Four loads are in flight before the first value is needed. The bias corrections
// depend only on the step, so the host computes them once, in double: in float, 1 - beta2^step loses about
// two digits (a relative error of 1.3e-5 to 2e-5 in the first steps, with beta2 = 0.999). A parameter that is
// zero, with a gradient and moments of zero, stays zero. So the padding between tensors stays zero.
//
// For a bf16 model the same kernel also stores each parameter rounded to bf16: 2 more bytes, and no other
// launch.
#include <cmath>
#include <cstdint>

#include "07_tinyllama/adamw_check.h"
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

StepFactors step_factors(const AdamWConfig& config, int step) {
  return {
      .keep = 1.0f - config.learning_rate * config.weight_decay,
      .step_size = static_cast<float>(config.learning_rate / (1.0 - std::pow(config.beta1, step))),
      .second_root = static_cast<float>(std::sqrt(1.0 - std::pow(config.beta2, step))),
      .beta1 = config.beta1,
      .beta2 = config.beta2,
      .epsilon = config.epsilon,
  };
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) adamw_kernel(float* parameters,  // (n), n a multiple of kWidth
                                                         const float* gradients,  // (n)
                                                         float* m,                // (n)
                                                         float* v,                // (n)
                                                         bf16* copy,              // (n), or null
                                                         std::int64_t n, StepFactors factors) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n / kWidth) return;
  const auto g = reinterpret_cast<const Pack<kWidth>*>(gradients)[i];
  auto p = reinterpret_cast<Pack<kWidth>*>(parameters)[i];
  auto first = reinterpret_cast<Pack<kWidth>*>(m)[i];
  auto second = reinterpret_cast<Pack<kWidth>*>(v)[i];
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    const float gradient = g.values[k];
    first.values[k] = factors.beta1 * first.values[k] + (1.0f - factors.beta1) * gradient;
    second.values[k] = factors.beta2 * second.values[k] + (1.0f - factors.beta2) * gradient * gradient;
    const float denominator = sqrtf(second.values[k]) / factors.second_root + factors.epsilon;
    p.values[k] = p.values[k] * factors.keep - factors.step_size * first.values[k] / denominator;
  }
  reinterpret_cast<Pack<kWidth>*>(parameters)[i] = p;
  reinterpret_cast<Pack<kWidth>*>(m)[i] = first;
  reinterpret_cast<Pack<kWidth>*>(v)[i] = second;
  if (copy == nullptr) return;
  Pack<kWidth, bf16> rounded;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) rounded.values[k] = from_float<bf16>(p.values[k]);
  reinterpret_cast<Pack<kWidth, bf16>*>(copy)[i] = rounded;
}

// copy may be null.
void launch(float* parameters, const float* gradients, float* m, float* v, bf16* copy, std::int64_t n,
            const AdamWConfig& config, int step, cudaStream_t stream) {
  const int rest = static_cast<int>(n % 4);
  const bool wide = rows_fit_pack<4>(rest, parameters, gradients, m, v) && rows_fit_pack<4>(rest, copy);
  const std::int64_t packs = wide ? n / 4 : n;
  const std::int64_t blocks = (packs + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, n);
  const auto kernel = wide ? adamw_kernel<4> : adamw_kernel<1>;
  kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(parameters, gradients, m, v, copy, n,
                                                                 step_factors(config, step));
  WB_CHECK_LAUNCH();
}

void adamw_solution(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
                    const AdamWConfig& config, int step, cudaStream_t stream) {
  require_adamw(parameters, gradients, m, v, n, step);
  if (n > 0) launch(parameters, gradients, m, v, nullptr, n, config, step, stream);
}

void adamw_bf16_solution(float* parameters, const float* gradients, float* m, float* v, bf16* copy,
                         std::int64_t n, const AdamWConfig& config, int step, cudaStream_t stream) {
  require_adamw(parameters, gradients, m, v, n, step);
  if (n == 0) return;
  WB_REQUIRE(copy != nullptr && is_aligned(copy), copy);
  launch(parameters, gradients, m, v, copy, n, config, step, stream);
}

}  // namespace

WB_REGISTER(AdamW, solution, adamw_solution);
WB_REGISTER(AdamWBf16, solution, adamw_bf16_solution);

}  // namespace wb
