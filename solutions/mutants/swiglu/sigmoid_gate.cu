// Mistake: the gate is a sigmoid, as in the older GLU.
// Caught as: sigmoid\(gate\) \* up, the older GLU
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void sigmoid_gate_kernel(const float* gate,  // (size)
                                    const float* up,    // (size)
                                    float* out,         // (size)
                                    std::int64_t size) {
  const std::int64_t i = global_index();
  if (i < size) out[i] = sigmoid(gate[i]) * up[i];
}

void sigmoid_gate(const float* gate, const float* up, float* out, std::int64_t size, cudaStream_t stream) {
  sigmoid_gate_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiply, sigmoid_gate, sigmoid_gate);

}  // namespace
}  // namespace wb
