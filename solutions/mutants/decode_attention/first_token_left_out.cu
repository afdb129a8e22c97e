// Mistake: the loop begins at the second token.
// Caught as: AveragesTheValues  first_token_left_out +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ int first() { return 1; }
};

void first_token_left_out(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                          float* out, float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, first_token_left_out, first_token_left_out);

}  // namespace wb
