// Rung 4: the weights stay in registers too, and both kernels start early.
// Needs: sm_90
//
// Idea: the previous rungs loaded the weights of a row twice, from the caches, and after the reduction all
// threads waited for the second load. Now a thread keeps the weights of its columns from its first row to its
// last (held_columns.cuh). Past the end of a row it holds zeros, so that the arithmetic needs no bounds
// checks. Both kernels may start while the previous kernel still runs.
//
// Limited before: loading the weights from a cache after the reduction, with all threads waiting, in every
// row.
// Limits now: in fp32 at 1024 columns the second kernel and the reduction: 73% of a copy (H200); from 8192
// columns on memory: 92 to 93%. In bf16 37% at 1024 columns, 83% at 8192, 55% at 32768: not memory; the cause
// was not examined (README.md).
// Uses: 61 to 128 registers, 64 to 2048 bytes of shared memory.
// Costs in clarity: a wait; if it is missing, tests may still pass.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/rows/held_columns.cuh"

namespace wb {
namespace {

// kSlices: of the cluster; 0 where the slices are on their own.
template <class Shape, int kBlocks, int kSlices>
__global__ void __launch_bounds__(Shape::kThreads, kBlocks)
    held_weights(ladder::NormBackwardArguments<typename Shape::T> a) {
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), a.c);
  hopper::wait_for_previous_kernel();
  ladder::HeldColumns<Shape, true> columns(a.weight, slice);
  ladder::PackedRow<Shape> mine, next;
  mine.template ask_for<true>(a, blockIdx.x, slice);
  hopper::let_next_kernel_start();
  ladder::start_cluster<kSlices>();
  int turn = 0;
  for (std::int64_t row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    next.template ask_for<true>(a, row + gridDim.x, slice);
    auto along = columns.add(mine);
    if constexpr (kSlices > 0) {
      along = ladder::meet_in_cluster<Shape::kThreads, kSlices>(along, turn);
    } else {
      const auto others = ladder::of_other_columns<Shape, true>(a, row, slice);
      along.of[0] += others.of[1];
      along.of[1] += others.of[0];
      along = ladder::meet<Shape::kThreads>(along, ladder::Add{}, turn);
    }
    columns.store_dx(a, row, mine, along);
    mine = next;
  }
  columns.store_sums(a.partials, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x), a.c);
}

template <class Shape, int kBlocks, int kSlices>
int launch_slices(const ladder::NormBackwardArguments<typename Shape::T>& a, int room, int slices,
                  cudaStream_t stream) {
  auto* kernel = held_weights<Shape, kBlocks, kSlices>;
  dim3 grid = ladder::gradient_grid(a.n, room, kBlocks, slices);
  if constexpr (kSlices > 1) {
    const int resident = ladder::resident_clusters(kernel, Shape::kThreads, kSlices);
    grid = dim3(static_cast<unsigned>(std::min({a.n, room, resident})), kSlices);
  }
  ladder::launch_early(kernel, {grid, Shape::kThreads, 0, std::max(1, kSlices)}, stream, a);
  return static_cast<int>(grid.x);
}

// Returns the blocks that have partials.
template <class Shape, int kBlocks>
int launch_rows(const ladder::NormBackwardArguments<typename Shape::T>& a, int room, cudaStream_t stream) {
  const int slices = (a.c - 1) / Shape::kColumns + 1;
  if constexpr (Shape::kColumns == ladder::kWidestSlice) {
    if (slices > 8) return launch_slices<Shape, kBlocks, 0>(a, room, slices, stream);
    if (slices > 4) return launch_slices<Shape, kBlocks, 8>(a, room, slices, stream);
    if (slices > 2) return launch_slices<Shape, kBlocks, 4>(a, room, slices, stream);
    if (slices > 1) return launch_slices<Shape, kBlocks, 2>(a, room, slices, stream);
  }
  return launch_slices<Shape, kBlocks, 1>(a, room, slices, stream);
}

__global__ void __launch_bounds__(ladder::kStrip* ladder::kStrip)
    add_partials(const float* partials,  // (2, blocks, C)
                 float* dgamma,          // (C)
                 float* dbeta,           // (C)
                 int blocks, int c) {
  hopper::wait_for_previous_kernel();
  hopper::let_next_kernel_start();
  ladder::sum_partials(partials, dgamma, dbeta, blocks, c);
}

template <class T>
void layernorm_held_weights(const T* dy, const T* x, const T* gamma, const float* mean, const float* rstd,
                            T* dx, float* dgamma, float* dbeta, float* scratch, int n, int c,
                            cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const ladder::NormBackwardArguments<T> a = {dy, x, gamma, mean, rstd, dx, scratch, n, c};
  int blocks = 0;
  ladder::with_held_columns<T>(
      c, rows_fit_pack<16 / sizeof(T)>(c, dy, x, gamma, dx), [&](auto shape, auto resident) {
        blocks = launch_rows<decltype(shape), resident.value>(a, kLayernormPartials, stream);
      });
  ladder::launch_add_partials(add_partials, c, 2, stream, scratch, dgamma, dbeta, blocks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormBackward, held_weights, layernorm_held_weights<float>);
WB_REGISTER(LayernormBackwardBf16, held_weights, layernorm_held_weights<bf16>);

}  // namespace wb
