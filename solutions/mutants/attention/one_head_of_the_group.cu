// Mistake: dk and dv come from the last query head of a group: each overwrites the one before.
// Caught as: one head's part only
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct OneHeadOfTheGroup : mutant::Backward {
  static __device__ int first_head(int kv_head, const AttentionShape& shape) {
    return last_head(kv_head, shape);
  }
};

void one_head_of_the_group(HeadsView<const float> dout, HeadsView<const float> q, HeadsView<const float> k,
                           HeadsView<const float> v, HeadsView<const float> out, const float* saved,
                           HeadsView<float> dq, HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                           const AttentionShape& shape, cudaStream_t stream) {
  mutant::attention_backward_query<OneHeadOfTheGroup>
      <<<mutant::attention_blocks(shape, shape.h), mutant::kThreads, 0, stream>>>(dout, q, k, v, out, saved,
                                                                                  scratch, dq, shape);
  WB_CHECK_LAUNCH();
  mutant::attention_backward_key<OneHeadOfTheGroup>
      <<<mutant::attention_blocks(shape, shape.kv), mutant::kThreads, 0, stream>>>(dout, q, k, v, saved,
                                                                                   scratch, dk, dv, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionBackward, one_head_of_the_group, one_head_of_the_group);

}  // namespace wb
