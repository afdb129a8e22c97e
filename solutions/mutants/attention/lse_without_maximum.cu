// Mistake: what backward gets is the log of the sum alone, relative to a maximum it does not know.
// Caught as: log-sum-exp
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct LseWithoutMaximum : mutant::Forward {
  static __device__ float log_sum_exp(float, float weights) { return logf(weights); }
};

void lse_without_maximum(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                         HeadsView<float> out, float* saved, const AttentionShape& shape,
                         cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<LseWithoutMaximum>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, lse_without_maximum, lse_without_maximum);

}  // namespace wb
