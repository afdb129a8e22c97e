// Mistake: no barrier before the next tile is loaded: others still read the one before.
// Caught as: look for a race|it is a race
// Inspected in: AttentionForwardTest.AveragesTheValues
// Inspected as: shared_race, line: k_tile[row][c] = inside
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct NextTileTooEarly : mutant::Forward {
  static __device__ void wait_before_loading() {}
};

void next_tile_too_early(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                         HeadsView<float> out, float* saved, const AttentionShape& shape,
                         cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<NextTileTooEarly>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, next_tile_too_early, next_tile_too_early);

}  // namespace wb
