// Mistake: the maximum grows, but what was summed under a smaller one stays as it is.
// Caught as: RescalesWhenTheMaximumGrows  sum_not_rescaled +FAILED
// Caught by: RescalesWhenTheMaximumGrows
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ float correction(float, float) { return 1.0f; }
};

void sum_not_rescaled(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                      float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, sum_not_rescaled, sum_not_rescaled);

}  // namespace wb
