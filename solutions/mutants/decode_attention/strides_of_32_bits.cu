// Mistake: the stride of the tokens is kept in an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ HeadsView<const float> view(HeadsView<const float> view, const DecodeAttentionShape&) {
    view.stride_t = static_cast<int>(view.stride_t);
    return view;
  }
};

void strides_of_32_bits(const float* q, HeadsView<const float> keys, HeadsView<const float> values,
                        float* out, float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, strides_of_32_bits, strides_of_32_bits);

}  // namespace wb
