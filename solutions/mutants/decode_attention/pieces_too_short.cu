// Mistake: a piece has 128 tokens for any S, so 64 pieces do not reach the end of a long cache.
// Caught as: DividesALongCache  pieces_too_short +FAILED
// Caught by: DividesALongCache
#include "solutions/mutants/decode_attention/divided.cuh"

namespace wb {
namespace {

void pieces_too_short(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                      float* scratch, const DecodeAttentionShape& shape, cudaStream_t stream) {
  const DecodeParts parts = divide_decode_scratch(scratch, shape);
  const int heads = shape.b * shape.h;
  const int pieces = std::min(kMostDecodePieces, mutant::Divided::pieces(shape.s, mutant::kBlock));
  mutant::piece_kernel<mutant::Divided>
      <<<dim3(heads, pieces), mutant::kBlock, 0, stream>>>(q, keys, values, parts, shape, mutant::kBlock);
  WB_CHECK_LAUNCH();
  mutant::merge_kernel<mutant::Divided><<<heads, mutant::kBlock, 0, stream>>>(parts, out, pieces, shape.d);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, pieces_too_short, pieces_too_short);

}  // namespace wb
