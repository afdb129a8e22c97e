// Mistake: causal is not obeyed.
// Caught as: queries see the keys after them
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct NoMask : mutant::Forward {
  static __device__ bool sees(int, int, const AttentionShape&) { return true; }
};

void no_mask(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
             HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<NoMask><<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, no_mask, no_mask);

}  // namespace wb
