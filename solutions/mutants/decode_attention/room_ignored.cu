// Mistake: the cache is taken for one of exactly S tokens: the second sequence begins too early.
// Caught as: GivesEachGroupOfHeadsItsKeys  room_ignored +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ HeadsView<const float> view(HeadsView<const float> view,
                                                const DecodeAttentionShape& shape) {
    return token_major_view(view.data, shape.s, shape.kv, shape.d);
  }
};

void room_ignored(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                  const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, room_ignored, room_ignored);

}  // namespace wb
