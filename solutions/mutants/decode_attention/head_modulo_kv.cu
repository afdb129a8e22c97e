// Mistake: neighboring query heads take different key heads, as if heads were dealt out in turn.
// Caught as: GivesEachGroupOfHeadsItsKeys  head_modulo_kv +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ int kv_head(int h, const DecodeAttentionShape& shape) { return h % shape.kv; }
};

void head_modulo_kv(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                    float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, head_modulo_kv, head_modulo_kv);

}  // namespace wb
