// Mistake: the running maximum begins at -1e4, as if no score were lower.
// Caught as: NaN: inf - inf|nan
// Caught by: LowScoresDoNotUnderflow
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct FiniteMaximum : mutant::Forward {
  static __device__ float maximum(float so_far, float score) { return fmaxf(fmaxf(so_far, -1e4f), score); }
};

void finite_maximum(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                    HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<FiniteMaximum><<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, finite_maximum, finite_maximum);

}  // namespace wb
