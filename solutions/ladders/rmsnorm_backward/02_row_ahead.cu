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
