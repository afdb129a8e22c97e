// Rung 2: the loads of the next row are in flight during the reduction.
//
// Idea: a thread issues the loads of the next row before it uses the current one. Loads are therefore in
// flight while the block waits at its barrier, computes and writes. With one or two blocks per
// multiprocessor, no other block would issue loads.
//
// Limited before: the latency of a row.
// Limits now: the reduction, and the weights that are loaded after it: rows are processed one after the
// other, and in each row all threads wait twice for loads from a cache. Above 8192 columns each slice reads
// the whole row.
// Uses: up to 128 registers, 64 to 256 bytes of shared memory.
// Costs in clarity: two rows in registers, the current one and the next one.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/norm_backward.cuh"

namespace wb {
namespace {

template <class Shape, int kBlocks>
__global__ void __launch_bounds__(Shape::kThreads, kBlocks)
    row_ahead(ladder::NormBackwardArguments<typename Shape::T> a) {
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), a.c);
  ladder::ColumnSums<Shape, true> sums;
  int turn = 0;
  auto mine = ladder::read_row<Shape, true>(a, blockIdx.x, slice);
  for (std::int64_t row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    const auto next = ladder::read_row<Shape, true>(a, row + gridDim.x, slice);
    ladder::Known<2> known = sums.add(mine, a.weight + slice.first);
    if (gridDim.y > 1) known = ladder::Add{}(known, ladder::of_other_columns<Shape, true>(a, row, slice));
    known = ladder::meet<Shape::kThreads>(known, ladder::Add{}, turn);
    ladder::store_dx<Shape, true>(a, row, slice, mine, known);
    mine = next;
  }
  sums.store(a.partials, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x), slice, a.c);
}

__global__ void __launch_bounds__(ladder::kStrip* ladder::kStrip)
    add_partials(const float* partials,  // (2, blocks, C)
                 float* dgamma,          // (C)
                 float* dbeta,           // (C)
                 int blocks, int c) {
  ladder::sum_partials(partials, dgamma, dbeta, blocks, c);
}

void layernorm_row_ahead(const float* dy, const float* x, const float* gamma, const float* mean,
                         const float* rstd, float* dx, float* dgamma, float* dbeta, float* scratch, int n,
                         int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const ladder::NormBackwardArguments<float> a = {dy, x, gamma, mean, rstd, dx, scratch, n, c};
  int blocks = 0;
  ladder::with_gradient_shape<float>(c, rows_fit_pack4(c, dy, x, gamma, dx), [&](auto shape, auto resident) {
    const dim3 grid =
        ladder::gradient_grid(n, kLayernormPartials, resident.value, (c - 1) / shape.kColumns + 1);
    blocks = static_cast<int>(grid.x);
    row_ahead<decltype(shape), resident.value><<<grid, shape.kThreads, 0, stream>>>(a);
  });
  WB_CHECK_LAUNCH();
  const dim3 strips(static_cast<unsigned>((c - 1) / ladder::kStrip + 1), 2);
  add_partials<<<strips, dim3(ladder::kStrip, ladder::kStrip), 0, stream>>>(scratch, dgamma, dbeta, blocks,
                                                                            c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormBackward, row_ahead, layernorm_row_ahead);

}  // namespace wb
