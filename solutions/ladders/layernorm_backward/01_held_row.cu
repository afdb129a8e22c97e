// Rung 1: rows and the sums down their columns stay in registers.
//
// Idea: the grid has as many blocks as the GPU can hold, and each block processes many rows
// (norm_backward.cuh). A block reads dy and x of a row once, keeps them in registers during the reduction
// along the row, and computes dx from them. A thread owns the same columns of every row, so that the sums for
// dgamma and dbeta stay in its registers from the first row to the last.
//
// Limited before: traffic to shared memory, and second reads, in chapter 04's solution.
// Limits now: latency. A block issues the loads of a row and waits for them. With 512 threads of 128
// registers, only one block fits on a multiprocessor, so no other block can run in the meantime. Above 8192
// columns each slice reads the whole row.
// Uses: up to 128 registers, 64 to 256 bytes of shared memory.
// Costs in clarity: more values in registers, which the chapter keeps in shared memory or reads again.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/norm_backward.cuh"

namespace wb {
namespace {

template <class Shape, int kBlocks>
__global__ void __launch_bounds__(Shape::kThreads, kBlocks)
    held_row(ladder::NormBackwardArguments<typename Shape::T> a) {
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), a.c);
  ladder::ColumnSums<Shape, true> sums;
  int turn = 0;
  for (std::int64_t row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    const auto mine = ladder::read_row<Shape, true>(a, row, slice);
    ladder::Known<2> known = sums.add(mine, a.weight + slice.first);
    if (gridDim.y > 1) known = ladder::Add{}(known, ladder::of_other_columns<Shape, true>(a, row, slice));
    known = ladder::meet<Shape::kThreads>(known, ladder::Add{}, turn);
    ladder::store_dx<Shape, true>(a, row, slice, mine, known);
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

template <class T>
void layernorm_held_row(const T* dy, const T* x, const T* gamma, const float* mean, const float* rstd, T* dx,
                        float* dgamma, float* dbeta, float* scratch, int n, int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const ladder::NormBackwardArguments<T> a = {dy, x, gamma, mean, rstd, dx, scratch, n, c};
  int blocks = 0;
  ladder::with_gradient_shape<T>(
      c, rows_fit_pack<16 / sizeof(T)>(c, dy, x, gamma, dx), [&](auto shape, auto resident) {
        const dim3 grid =
            ladder::gradient_grid(n, kLayernormPartials, resident.value, (c - 1) / shape.kColumns + 1);
        blocks = static_cast<int>(grid.x);
        held_row<decltype(shape), resident.value><<<grid, shape.kThreads, 0, stream>>>(a);
      });
  WB_CHECK_LAUNCH();
  const dim3 strips(static_cast<unsigned>((c - 1) / ladder::kStrip + 1), 2);
  add_partials<<<strips, dim3(ladder::kStrip, ladder::kStrip), 0, stream>>>(scratch, dgamma, dbeta, blocks,
                                                                            c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormBackward, held_row, layernorm_held_row<float>);
WB_REGISTER(LayernormBackwardBf16, held_row, layernorm_held_row<bf16>);

}  // namespace wb
