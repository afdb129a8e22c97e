// Mistake: the weights are read before all threads have stored theirs.
// Caught as: no_barrier_before_the_values +FAILED
// Caught on: cpu
// Inspected in: DecodeAttentionTest.AveragesTheValues
// Inspected as: shared_race, line: weights[thread] = expf(score - larger);
#include "solutions/mutants/decode_attention/divided.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Divided {
  static __device__ void barrier_before_values() {}
};

void no_barrier_before_the_values(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                                  float* out, float* scratch, const DecodeAttentionShape& shape,
                                  cudaStream_t stream) {
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

WB_REGISTER(DecodeAttention, no_barrier_before_the_values, no_barrier_before_the_values);

}  // namespace wb
