// Mistake: the sum of the weights is rescaled when the maximum grows, the sum of the values is not.
// Caught as: that of the values is not
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct SumNotRescaled : mutant::Forward {
  static __device__ float correction(float, float) { return 1.0f; }
};

void sum_not_rescaled(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                      HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<SumNotRescaled>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, sum_not_rescaled, sum_not_rescaled);

}  // namespace wb
