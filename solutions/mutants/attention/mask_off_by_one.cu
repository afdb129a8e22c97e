// Mistake: a query sees the key after it as well: `<= query + 1`, or `<` in the wrong place.
// Caught as: the mask is off by one
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct MaskOffByOne : mutant::Forward {
  static __device__ bool sees(int query, int key, const AttentionShape& shape) {
    return !shape.causal || key <= query + 1;
  }
};

void mask_off_by_one(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                     HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<MaskOffByOne><<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, mask_off_by_one, mask_off_by_one);

}  // namespace wb
