// Rung 8: tiles as small as the product demands, and a start in the shadow of the kernel before.
//
// Idea: a model's products are small: (1024, 512) by tiles of (128, 256) is 16 blocks on 132
// multiprocessors. So the tile is the largest of four that still gives nearly every multiprocessor one.
// What then weighs is the start: barriers, tensor maps and the launch itself take as long as the product.
// With programmatic dependent launch they happen while the kernel before still runs.
//
// Limited before: 116 of 132 multiprocessors without work, then more than a microsecond of start for two of
// product.
//
// Limits now: what a multiprocessor can take in: a step of a (128, 128) tile brings 32 KiB for 512 cycles
// of products, 64 bytes per cycle.
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
