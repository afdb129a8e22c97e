// Mistake: the stride of the loop is that of one block, so that blocks share elements.
// First screen: race in device memory.*stride_of_one_block\.cu
// Does not end
// That is so for 2^32 elements (CountsPastTwoToThe31), through which each thread goes in steps of one block.
#include "tools/proofs/mistakes/adamw/adamw.cuh"

namespace wb::mistake {
namespace {

__global__ void stride_of_one_block_kernel(float* parameters,       // (n)
                                           const float* gradients,  // (n)
                                           float* m,                // (n)
                                           float* v,                // (n)
                                           std::int64_t n, Factors f) {
  for (std::int64_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += blockDim.x) {
    m[i] = f.beta1 * m[i] + (1.0f - f.beta1) * gradients[i];
    v[i] = f.beta2 * v[i] + (1.0f - f.beta2) * gradients[i] * gradients[i];
    parameters[i] = stepped(parameters[i], m[i], v[i], f);
  }
}

void launch(float* parameters, const float* gradients, float* m, float* v, std::int64_t n,
            const AdamWConfig& config, int step, cudaStream_t stream) {
  require_adamw(parameters, gradients, m, v, n, step);
  if (n == 0) return;
  const auto blocks = static_cast<unsigned>((n + kThreads - 1) / kThreads);
  stride_of_one_block_kernel<<<blocks, kThreads, 0, stream>>>(parameters, gradients, m, v, n,
                                                              factors_of(config, step));
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AdamW, stride_of_one_block, launch);

}  // namespace
}  // namespace wb::mistake
