// Mistake: every piece but the first begins one token early, so that token counts twice.
// Caught as: AveragesTheValues  pieces_overlap +FAILED
#include "solutions/mutants/decode_attention/divided.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Divided {
  static __device__ int begin(int piece, int length) { return piece == 0 ? 0 : piece * length - 1; }
};

void pieces_overlap(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                    float* scratch, const DecodeAttentionShape& shape, cudaStream_t stream) {
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

WB_REGISTER(DecodeAttention, pieces_overlap, pieces_overlap);

}  // namespace wb
