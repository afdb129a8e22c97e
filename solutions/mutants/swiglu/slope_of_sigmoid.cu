// Mistake: the slope of sigmoid in the place of silu's.
// Caught as: the slope of sigmoid, not of silu
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void slope_of_sigmoid_kernel(const float* dout,  // (size)
                                        const float* gate,  // (size)
                                        const float* up,    // (size)
                                        float* dgate,       // (size)
                                        float* dup,         // (size)
                                        std::int64_t size) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  const float s = sigmoid(gate[i]);
  dgate[i] = dout[i] * up[i] * s * (1.0f - s);
  dup[i] = dout[i] * silu(gate[i]);
}

void slope_of_sigmoid(const float* dout, const float* gate, const float* up, float* dgate, float* dup,
                      std::int64_t size, cudaStream_t stream) {
  slope_of_sigmoid_kernel<<<blocks_for(size), kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiplyBackward, slope_of_sigmoid, slope_of_sigmoid);

}  // namespace
}  // namespace wb
