// Mistake: the slope of silu without the second term of the product rule.
// Caught as: one term of the product rule
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void forgotten_term_kernel(const float* dout,  // (size)
                                      const float* gate,  // (size)
                                      const float* up,    // (size)
                                      float* dgate,       // (size)
                                      float* dup,         // (size)
                                      std::int64_t size) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  dgate[i] = dout[i] * up[i] * sigmoid(gate[i]);
  dup[i] = dout[i] * silu(gate[i]);
}

void forgotten_term(const float* dout, const float* gate, const float* up, float* dgate, float* dup,
                    std::int64_t size, cudaStream_t stream) {
  forgotten_term_kernel<<<blocks_for(size), kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiplyBackward, forgotten_term, forgotten_term);

}  // namespace
}  // namespace wb
