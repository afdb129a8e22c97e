// Mistake: the parts of all pieces are added as they are, though each is relative to a maximum of its own.
// Caught as: WeighsByTheScores  parts_not_rescaled +FAILED
// Caught by: WeighsByTheScores
#include "solutions/mutants/decode_attention/divided.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Divided {
  static __device__ float scale_of_sum(float, float) { return 1.0f; }
  static __device__ float scale_of_weight(float, float) { return 1.0f; }
};

void parts_not_rescaled(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                        float* out, float* scratch, const DecodeAttentionShape& shape, cudaStream_t stream) {
  const DecodeParts parts = divide_decode_scratch(scratch, shape);
  const int heads = shape.b * shape.h;
  const int length = mutant::piece_tokens(shape);
  const int pieces = Mistake::pieces(shape.s, length);
  mutant::piece_kernel<Mistake>
      <<<dim3(heads, pieces), mutant::kBlock, 0, stream>>>(q, keys, values, parts, shape, length);
  WB_CHECK_LAUNCH();
  mutant::merge_kernel<Mistake><<<heads, mutant::kBlock, 0, stream>>>(parts, out, pieces, shape.d);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, parts_not_rescaled, parts_not_rescaled);

}  // namespace wb
