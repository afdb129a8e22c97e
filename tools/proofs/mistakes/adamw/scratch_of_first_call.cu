// Mistake: keeps the workspace of the first call, which is too small for a later one.
// First screen: out of bounds.*scratch_of_first_call\.cu
#include "tools/proofs/mistakes/adamw/adamw.cuh"

namespace wb::mistake {
namespace {

__global__ void moments_kernel(const float* gradients,  // (n)
                               float* m,                // (n)
                               float* v,                // (n)
                               float2* moments,         // (n)
                               std::int64_t n, Factors f) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= n) return;
  m[i] = f.beta1 * m[i] + (1.0f - f.beta1) * gradients[i];
  v[i] = f.beta2 * v[i] + (1.0f - f.beta2) * gradients[i] * gradients[i];
  moments[i] = make_float2(m[i], v[i]);
}

__global__ void step_kernel(float* parameters,      // (n)
                            const float2* moments,  // (n)
                            std::int64_t n, Factors f) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) parameters[i] = stepped(parameters[i], moments[i].x, moments[i].y, f);
}

void launch(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
            const AdamWConfig& config, int step, cudaStream_t stream) {
  require_adamw(parameters, gradients, m, v, n, step);
  if (n == 0) return;
  static float2* moments = nullptr;
  if (moments == nullptr) WB_CUDA_CHECK(cudaMalloc(&moments, n * sizeof(float2)));
  const auto blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  moments_kernel<<<blocks, kThreads, 0, stream>>>(gradients, m, v, moments, n, factors_of(config, step));
  WB_CHECK_LAUNCH();
  step_kernel<<<blocks, kThreads, 0, stream>>>(parameters, moments, n, factors_of(config, step));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AdamW, scratch_of_first_call, launch);

}  // namespace
}  // namespace wb::mistake
