// Mistake: no barrier after loading a tile: it is read before it is there.
// Caught as: look for a race|it is a race
// Inspected in: AttentionForwardTest.AveragesTheValues
// Inspected as: shared_race, line: k_tile[row][c] = inside
#include "solutions/mutants/attention/mutated.cuh"

namespace wb {
namespace {

struct TileNotAwaited : mutant::Forward {
  static __device__ void wait_after_loading() {}
};

void tile_not_awaited(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
                      HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  const dim3 grid = mutant::attention_blocks(shape, shape.h);
  mutant::attention_forward<TileNotAwaited>
      <<<grid, mutant::kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(AttentionForward, tile_not_awaited, tile_not_awaited);

}  // namespace wb
