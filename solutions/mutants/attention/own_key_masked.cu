// Mistake: a query does not see its own key: `<` instead of `<=`. The first query sees nothing.
// Caught as: the mask is off by one|0 / 0
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct OwnKeyMasked : mutant::Forward {
  static __device__ bool sees(int query, int key, const AttentionShape& shape) {
    return !shape.causal || key < query;
  }
};

void own_key_masked(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                    HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<OwnKeyMasked><<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, own_key_masked, own_key_masked);

}  // namespace wb
