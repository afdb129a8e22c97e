// Mistake: silu as z exp(z) / (1 + exp(z)): infinity / infinity for a large z.
// Caught as: NaN: inf - inf, 0 / 0
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void exponential_overflows_kernel(const float* gate,  // (size)
                                             const float* up,    // (size)
                                             float* out,         // (size)
                                             std::int64_t size) {
  const std::int64_t i = global_index();
  if (i < size) out[i] = gate[i] * expf(gate[i]) / (1.0f + expf(gate[i])) * up[i];
}

void exponential_overflows(const float* gate, const float* up, float* out, std::int64_t size,
                           cudaStream_t stream) {
  exponential_overflows_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiply, exponential_overflows, exponential_overflows);

}  // namespace
}  // namespace wb
