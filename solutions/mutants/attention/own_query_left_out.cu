// Mistake: causal: a key is given the gradient of later queries only.
// Caught as: a key misses the query of its own position
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct OwnQueryLeftOut : mutant::Backward {
  static __device__ int first_query(int s) { return s + 1; }
};

void own_query_left_out(HeadsView<const float> dout, HeadsView<const float> q, HeadsView<const float> k,
                        HeadsView<const float> v, HeadsView<const float> out, const float* saved,
                        HeadsView<float> dq, HeadsView<float> dk, HeadsView<float> dv, float* scratch,
                        const AttentionShape& shape, cudaStream_t stream) {
  mutant::attention_backward_query<OwnQueryLeftOut>
      <<<mutant::attention_blocks(shape, shape.h), mutant::kThreads, 0, stream>>>(dout, q, k, v, out, saved,
                                                                                  scratch, dq, shape);
  WB_CHECK_LAUNCH();
  mutant::attention_backward_key<OwnQueryLeftOut>
      <<<mutant::attention_blocks(shape, shape.kv), mutant::kThreads, 0, stream>>>(dout, q, k, v, saved,
                                                                                   scratch, dk, dv, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionBackward, own_query_left_out, own_query_left_out);

}  // namespace wb
