// Mistake: the scores are not scaled.
// Caught as: WeighsByTheScores  scale_forgotten +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ float scale(const DecodeAttentionShape&) { return 1.0f; }
};

void scale_forgotten(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                     float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, scale_forgotten, scale_forgotten);

}  // namespace wb
