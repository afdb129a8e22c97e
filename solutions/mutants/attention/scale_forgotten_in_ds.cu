// Mistake: dq and dk miss the factor that the scores had.
// Caught as: the root of dimension
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct ScaleForgottenInDs : mutant::Backward {
  static __device__ float ds(float p, float dp, float delta, const AttentionShape&) {
    return p * (dp - delta);
  }
};

void scale_forgotten_in_ds(HeadsView<const float> dout, HeadsView<const float> q, HeadsView<const float> k,
                           HeadsView<const float> v, HeadsView<const float> out, const float* saved,
                           HeadsView<float> dq, HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                           const AttentionShape& shape, cudaStream_t stream) {
  mutant::attention_backward_query<ScaleForgottenInDs>
      <<<mutant::attention_blocks(shape, shape.h), mutant::kThreads, 0, stream>>>(dout, q, k, v, out, saved,
                                                                                  scratch, dq, shape);
  WB_CHECK_LAUNCH();
  mutant::attention_backward_key<ScaleForgottenInDs>
      <<<mutant::attention_blocks(shape, shape.kv), mutant::kThreads, 0, stream>>>(dout, q, k, v, saved,
                                                                                   scratch, dk, dv, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionBackward, scale_forgotten_in_ds, scale_forgotten_in_ds);

}  // namespace wb
