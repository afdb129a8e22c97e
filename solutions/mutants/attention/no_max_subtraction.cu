// Mistake: exp of the score itself: it overflows.
// Caught as: NaN: inf - inf|infinite
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct NoMaxSubtraction : mutant::Forward {
  static __device__ float maximum(float, float) { return 0.0f; }
  static __device__ float correction(float, float) { return 1.0f; }
  static __device__ float correction_of_weights(float, float) { return 1.0f; }
};

void no_max_subtraction(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                        HeadsView<float> out, float* saved, const AttentionShape& shape,
                        cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<NoMaxSubtraction>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, no_max_subtraction, no_max_subtraction);

}  // namespace wb
