// Mistake: the tokens before only, not the new one: with one token nothing is left.
// Caught as: AveragesTheValues  own_token_left_out +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ int end(const DecodeAttentionShape& shape) { return shape.s - 1; }
};

void own_token_left_out(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                        float* out, float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, own_token_left_out, own_token_left_out);

}  // namespace wb
