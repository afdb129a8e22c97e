// Rung 8: tiles as small as the product requires, and a start that overlaps the previous kernel.
//
// Idea: a model's products are small: (1024, 512) by tiles of (128, 256) is 16 blocks on 132 multiprocessors.
// Therefore the tile is the largest of four sizes that still gives nearly every multiprocessor a tile. The
// start of the kernel then dominates: barriers, tensor maps and the launch itself take as long as the
// product. With programmatic dependent launch they overlap the previous kernel.
//
// Limited before: 116 of 132 idle multiprocessors, then a start of more than one microsecond for a product of
// two.
//
// Limits now: the rate at which a multiprocessor can load: a step of a (128, 128) tile loads 32 KiB for 512
// cycles of products, 64 bytes per cycle.
//
// Costs in clarity: four instances of the kernel, and a rule to choose among them. 77 to 168 registers. The
// kernel is in small_tiles.cuh, where solutions/ladders/bias_gelu_bf16 finds it too.
//
// Needs: sm_90a
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/small_tiles.cuh"

namespace wb {
namespace {

template <class Out>
void small_tiles_rung(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k,
                      float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  for_layout(layout, [&](auto constant) {
    small_tiles::launch<constant.value>(a, b, k, Result<Out>{c, m, n, alpha, beta}, small_tiles::NoEpilogue{},
                                        stream);
  });
}

}  // namespace

WB_REGISTER(MatmulBf16, small_tiles, small_tiles_rung);
WB_REGISTER(MatmulBf16ToFloat, small_tiles, small_tiles_rung);

}  // namespace wb
