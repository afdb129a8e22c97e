// Mistake: silu is taken of up, and gate multiplied by it.
// Caught as: gate and up are exchanged
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void gate_and_up_exchanged_kernel(const float* gate,  // (size)
                                             const float* up,    // (size)
                                             float* out,         // (size)
                                             std::int64_t size) {
  const std::int64_t i = global_index();
  if (i < size) out[i] = gate[i] * silu(up[i]);
}

void gate_and_up_exchanged(const float* gate, const float* up, float* out, std::int64_t size,
                           cudaStream_t stream) {
  gate_and_up_exchanged_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiply, gate_and_up_exchanged, gate_and_up_exchanged);

}  // namespace
}  // namespace wb
