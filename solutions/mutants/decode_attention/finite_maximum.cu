// Mistake: the maximum begins at a number that is small, but not smaller than every score.
// Caught as: LargeScoresNeitherOverflowNorUnderflow +finite_maximum +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ float max(float before, float score) { return fmaxf(fmaxf(before, -1e4f), score); }
};

void finite_maximum(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                    float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, finite_maximum, finite_maximum);

}  // namespace wb
