// Mistake: lets every block update the elements that do not fill a group of four.
// First screen: race in device memory.*tail_in_every_block\.cu
#include "tools/proofs/mistakes/adamw/adamw.cuh"

namespace wb::mistake {
namespace {

__device__ void update(float* parameters, const float* gradients, float* m, float* v, std::int64_t i,
                       Factors f) {
  m[i] = f.beta1 * m[i] + (1.0f - f.beta1) * gradients[i];
  v[i] = f.beta2 * v[i] + (1.0f - f.beta2) * gradients[i] * gradients[i];
  parameters[i] = stepped(parameters[i], m[i], v[i], f);
}

__global__ void tail_in_every_block_kernel(float* parameters, const float* gradients, float* m, float* v,
                                           std::int64_t n, Factors f) {
  const std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (group < n / 4) {
    for (int j = 0; j < 4; ++j) update(parameters, gradients, m, v, group * 4 + j, f);
  }
  if (threadIdx.x < n % 4) update(parameters, gradients, m, v, n / 4 * 4 + threadIdx.x, f);
}

void launch(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
            const AdamWConfig& config, int step, cudaStream_t stream) {
  require_adamw(parameters, gradients, m, v, n, step);
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>(n / 4 / kThreads + 1);
  tail_in_every_block_kernel<<<blocks, kThreads, 0, stream>>>(parameters, gradients, m, v, n,
                                                              factors_of(config, step));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AdamW, tail_in_every_block, launch);

}  // namespace
}  // namespace wb::mistake
