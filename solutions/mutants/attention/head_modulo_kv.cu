// Mistake: query head h reads key head h % K: groups are dealt out, not cut.
// Caught as: the wrong group
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct HeadModuloKv : mutant::Forward {
  static __device__ int kv_head(int h, const AttentionShape& shape) { return h % shape.kv; }
};

void head_modulo_kv(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                    HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<HeadModuloKv><<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, head_modulo_kv, head_modulo_kv);

}  // namespace wb
