// Mistake: when the maximum grows, what was summed before stays relative to the old one.
// Caught as: not scaled down
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct NothingRescaled : mutant::Forward {
  static __device__ float correction(float old, float) { return old == -INFINITY ? 0.0f : 1.0f; }
  static __device__ float correction_of_weights(float, float) { return 1.0f; }
};

void nothing_rescaled(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                      HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<NothingRescaled>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, nothing_rescaled, nothing_rescaled);

}  // namespace wb
