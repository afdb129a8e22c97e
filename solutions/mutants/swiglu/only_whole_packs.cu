// Mistake: elements are moved four at a time, and those that are left over are forgotten.
// Caught as: only the tail
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void only_whole_packs_kernel(const float* gate,  // (size)
                                        const float* up,    // (size)
                                        float* out,         // (size)
                                        std::int64_t size) {
  const std::int64_t i = global_index();
  if (i * 4 + 3 >= size) return;
  for (std::int64_t k = 4 * i; k < 4 * i + 4; ++k) out[k] = silu(gate[k]) * up[k];
}

void only_whole_packs(const float* gate, const float* up, float* out, std::int64_t size,
                      cudaStream_t stream) {
  only_whole_packs_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SiluMultiply, only_whole_packs, only_whole_packs);

}  // namespace
}  // namespace wb
