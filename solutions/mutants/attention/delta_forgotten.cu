// Mistake: ds = p dp: the softmax is differentiated as if its sum were constant.
// Caught as: delta is missing
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct DeltaForgotten : mutant::Backward {
  static __device__ float delta(float) { return 0.0f; }
};

void delta_forgotten(HeadsView<const float> dout, HeadsView<const float> q, HeadsView<const float> k,
                     HeadsView<const float> v, HeadsView<const float> out, const float* saved,
                     HeadsView<float> dq, HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                     const AttentionShape& shape, cudaStream_t stream) {
  mutant::attention_backward_query<DeltaForgotten>
      <<<mutant::attention_blocks(shape, shape.h), mutant::kThreads, 0, stream>>>(dout, q, k, v, out, saved,
                                                                                  scratch, dq, shape);
  WB_CHECK_LAUNCH();
  mutant::attention_backward_key<DeltaForgotten>
      <<<mutant::attention_blocks(shape, shape.kv), mutant::kThreads, 0, stream>>>(dout, q, k, v, saved,
                                                                                   scratch, dk, dv, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionBackward, delta_forgotten, delta_forgotten);

}  // namespace wb
