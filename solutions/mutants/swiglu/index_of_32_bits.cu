// Mistake: the index is an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void index_of_32_bits_kernel(const float* gate,  // (size)
                                        const float* up,    // (size)
                                        float* out,         // (size)
                                        std::int64_t size) {
  const int i = static_cast<int>(global_index());
  if (i < size) out[i] = silu(gate[i]) * up[i];
}

void index_of_32_bits(const float* gate, const float* up, float* out, std::int64_t size,
                      cudaStream_t stream) {
  index_of_32_bits_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiply, index_of_32_bits, index_of_32_bits);

}  // namespace
}  // namespace wb
