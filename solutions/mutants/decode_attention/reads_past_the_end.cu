// Mistake: one token too many: the row of the cache that the next token will fill.
// Caught as: AveragesTheValues  reads_past_the_end +FAILED
// Inspected in: DecodeAttentionTest.NaNShows
// Inspected as: out_of_bounds, line: k.data[key + c * k.stride_d]
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ int end(const DecodeAttentionShape& shape) { return shape.s + 1; }
};

void reads_past_the_end(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                        float* out, float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, reads_past_the_end, reads_past_the_end);

}  // namespace wb
