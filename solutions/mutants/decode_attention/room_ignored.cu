// Mistake: the cache is taken for one of exactly S tokens: the second sequence begins too early.
// Caught as: AveragesTheValues  room_ignored +FAILED
#include "solutions/mutants/decode_attention/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::Decode {
  static __device__ HeadsView<const float> view(HeadsView<const float> view,
                                                const DecodeAttentionShape& shape) {
    const std::int64_t row = static_cast<std::int64_t>(shape.kv) * shape.d;
    return {view.data, shape.kv, shape.s * row, row, shape.d, 1};
  }
};

void room_ignored(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
                  float*, const DecodeAttentionShape& shape, cudaStream_t stream) {
  mutant::decode_kernel<Mistake>
      <<<mutant::decode_blocks(shape), mutant::kThreads, 0, stream>>>(q, keys, values, out, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(DecodeAttention, room_ignored, room_ignored);

}  // namespace wb
