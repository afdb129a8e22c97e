// Mistake: exp(score) without subtracting the maximum.
// Caught as: LargeScoresNeitherOverflowNorUnderflow  no_max_subtraction +FAILED
// Caught by: LargeScoresNeitherOverflowNorUnderflow
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ float max(float, float) { return 0.0f; }
  static __device__ float correction(float, float) { return 1.0f; }
};

void no_max_subtraction(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                        float* out, float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, no_max_subtraction, no_max_subtraction);

}  // namespace wb
