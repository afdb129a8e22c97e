// Mistake: the scores are used as the dot products come.
// Caught as: the scores are not scaled
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct ScoresNotScaled : mutant::Forward {
  static __device__ float scale(const AttentionShape&) { return 1.0f; }
};

void scores_not_scaled(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                       HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<ScoresNotScaled>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, scores_not_scaled, scores_not_scaled);

}  // namespace wb
