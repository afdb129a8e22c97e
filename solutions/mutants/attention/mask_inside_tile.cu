// Mistake: the mask compares a query with a key's index inside its tile: `s > query` for `first + s > query`.
// Caught as: the mask compares the query with the key's index inside its tile
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct MaskInsideTile : mutant::Forward {
  static __device__ bool sees(int query, int key, const AttentionShape& shape) {
    return !shape.causal || key % mutant::kTile <= query;
  }
};

void mask_inside_tile(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                      HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<MaskInsideTile>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, mask_inside_tile, mask_inside_tile);

}  // namespace wb
