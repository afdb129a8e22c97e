// Mistake: S / length pieces, rounded down: the last tokens have no block.
// Caught as: AveragesTheValues  last_piece_left_out +FAILED
#include "solutions/mutants/decode_attention/divided.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Divided {
  static int pieces(int s, int length) { return std::max(1, s / length); }
};

void last_piece_left_out(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
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

WB_REGISTER(DecodeAttention, last_piece_left_out, last_piece_left_out);

}  // namespace wb
