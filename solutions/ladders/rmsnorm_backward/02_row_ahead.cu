// Rung 2: the next row is on its way while the block meets.
//
// Idea: before a thread needs its row it asks for the next one. So memory has work while the block waits at
// its barrier, computes and writes: with one or two blocks on a multiprocessor nobody else would ask.
//
// Limited before: the latency of a row.
// Limits now: the meeting, and the weights that are asked for after it: rows come one after the other, and
// each costs two trips to a cache with all threads waiting. Above 8192 columns each slice reads the whole
// row.
// Uses: up to 128 registers, 64 to 256 bytes of shared memory.
// Costs in clarity: two rows in registers, the one in use and the one on its way.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/norm_backward.cuh"

namespace wb {
namespace {

template <class Shape, int kBlocks>
__global__ void __launch_bounds__(Shape::kThreads, kBlocks)
    row_ahead(ladder::NormBackwardArguments<typename Shape::T> a) {
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), a.c);
  ladder::ColumnSums<Shape, false> sums;
  int turn = 0;
  auto mine = ladder::read_row<Shape, false>(a, blockIdx.x, slice);
  for (std::int64_t row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    const auto next = ladder::read_row<Shape, false>(a, row + gridDim.x, slice);
    ladder::Known<2> known = sums.add(mine, a.weight + slice.first);
    if (gridDim.y > 1) known = ladder::Add{}(known, ladder::of_other_columns<Shape, false>(a, row, slice));
    known = ladder::meet<Shape::kThreads>(known, ladder::Add{}, turn);
    ladder::store_dx<Shape, false>(a, row, slice, mine, known);
    mine = next;
  }
  sums.store(a.partials, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x), slice, a.c);
}

__global__ void __launch_bounds__(ladder::kStrip* ladder::kStrip)
    add_partials(const float* partials,  // (blocks, C)
                 float* dweight,         // (C)
                 int blocks, int c) {
  ladder::sum_partials(partials, dweight, nullptr, blocks, c);
}

template <class T>
void rmsnorm_row_ahead(const T* dy, const T* x, const T* weight, const float* rstd, T* dx, float* dweight,
                       float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const ladder::NormBackwardArguments<T> a = {dy, x, weight, nullptr, rstd, dx, scratch, n, c};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, dy, x, weight, dx);
  int blocks = 0;
  ladder::with_gradient_shape<T>(c, wide, [&](auto shape, auto resident) {
    const dim3 grid =
        ladder::gradient_grid(n, kRmsnormPartials, resident.value, (c - 1) / shape.kColumns + 1);
    blocks = static_cast<int>(grid.x);
    row_ahead<decltype(shape), resident.value><<<grid, shape.kThreads, 0, stream>>>(a);
  });
  WB_CHECK_LAUNCH();
  const auto strips = static_cast<unsigned>((c - 1) / ladder::kStrip + 1);
  add_partials<<<strips, dim3(ladder::kStrip, ladder::kStrip), 0, stream>>>(scratch, dweight, blocks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormBackward, row_ahead, rmsnorm_row_ahead<float>);
WB_REGISTER(RmsnormBackwardBf16, row_ahead, rmsnorm_row_ahead<bf16>);

}  // namespace wb
