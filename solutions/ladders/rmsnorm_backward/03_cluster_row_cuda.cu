// Rung 3: the blocks that hold the slices of a long row exchange their sums.
// Needs: sm_90
//
// Idea: in the previous rung, a row too long for one block was divided into slices, and each slice read the
// whole row for its two sums. Now the blocks of the slices form a cluster: each reads only its own columns
// and writes its sums into the shared memory of the others (cluster.cuh). A row may have up to 8 slices.
// Longer rows, and short rows, are processed as in rung 2.
//
// Limited before: above 8192 columns, reading the whole row once per slice.
// Limits now: as in rung 2, the reduction and the weights after it.
// Uses: up to 128 registers, 64 to 2048 bytes of shared memory.
// Costs in clarity: a grid that depends on how many blocks the GPU can hold, and a barrier over blocks.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/cluster.cuh"
#include "solutions/ladders/rows/norm_backward.cuh"

namespace wb {
namespace {

// kSlices: of the cluster; 0 where the slices are on their own.
template <class Shape, int kBlocks, int kSlices>
__global__ void __launch_bounds__(Shape::kThreads, kBlocks)
    cluster_row(ladder::NormBackwardArguments<typename Shape::T> a) {
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), a.c);
  ladder::ColumnSums<Shape, false> sums;
  int turn = 0;
  ladder::start_cluster<kSlices>();
  auto mine = ladder::read_row<Shape, false>(a, blockIdx.x, slice);
  for (std::int64_t row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    const auto next = ladder::read_row<Shape, false>(a, row + gridDim.x, slice);
    ladder::Known<2> known = sums.add(mine, a.weight + slice.first);
    if constexpr (kSlices > 0) {
      known = ladder::meet_in_cluster<Shape::kThreads, kSlices>(known, turn);
    } else {
      known = ladder::Add{}(known, ladder::of_other_columns<Shape, false>(a, row, slice));
      known = ladder::meet<Shape::kThreads>(known, ladder::Add{}, turn);
    }
    ladder::store_dx<Shape, false>(a, row, slice, mine, known);
    mine = next;
  }
  sums.store(a.partials, static_cast<int>(blockIdx.x), static_cast<int>(gridDim.x), slice, a.c);
}

// Returns the blocks that have partials.
template <class Shape, int kBlocks, int kSlices>
int launch_cluster(const ladder::NormBackwardArguments<typename Shape::T>& a, int room, cudaStream_t stream) {
  auto* kernel = cluster_row<Shape, kBlocks, kSlices>;
  const int clusters = std::min({a.n, room, ladder::resident_clusters(kernel, Shape::kThreads, kSlices)});
  ladder::launch_clusters(kernel, clusters, kSlices, Shape::kThreads, stream, a);
  return clusters;
}

template <class Shape, int kBlocks>
int launch_rows(const ladder::NormBackwardArguments<typename Shape::T>& a, int room, cudaStream_t stream) {
  const int slices = (a.c - 1) / Shape::kColumns + 1;
  const dim3 grid = ladder::gradient_grid(a.n, room, kBlocks, slices);
  auto* kernel = cluster_row<Shape, kBlocks, 1>;
  if constexpr (Shape::kColumns == ladder::kWidestSlice) {
    if (slices == 2) return launch_cluster<Shape, kBlocks, 2>(a, room, stream);
    if (slices > 2 && slices <= 4) return launch_cluster<Shape, kBlocks, 4>(a, room, stream);
    if (slices > 4 && slices <= 8) return launch_cluster<Shape, kBlocks, 8>(a, room, stream);
    if (slices > 8) kernel = cluster_row<Shape, kBlocks, 0>;
  }
  kernel<<<grid, Shape::kThreads, 0, stream>>>(a);
  return static_cast<int>(grid.x);
}

__global__ void __launch_bounds__(ladder::kStrip* ladder::kStrip)
    add_partials(const float* partials,  // (blocks, C)
                 float* dweight,         // (C)
                 int blocks, int c) {
  ladder::sum_partials(partials, dweight, nullptr, blocks, c);
}

template <class T>
void rmsnorm_cluster_row(const T* dy, const T* x, const T* weight, const float* rstd, T* dx, float* dweight,
                         float* scratch, int n, int c, cudaStream_t stream) {
  check_rmsnorm_backward(dy, x, weight, rstd, dx, dweight, scratch, n, c);
  const ladder::NormBackwardArguments<T> a = {dy, x, weight, nullptr, rstd, dx, scratch, n, c};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, dy, x, weight, dx);
  int blocks = 0;
  ladder::with_gradient_shape<T>(c, wide, [&](auto shape, auto resident) {
    blocks = launch_rows<decltype(shape), resident.value>(a, kRmsnormPartials, stream);
  });
  WB_CHECK_LAUNCH();
  const auto strips = static_cast<unsigned>((c - 1) / ladder::kStrip + 1);
  add_partials<<<strips, dim3(ladder::kStrip, ladder::kStrip), 0, stream>>>(scratch, dweight, blocks, c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormBackward, cluster_row, rmsnorm_cluster_row<float>);
WB_REGISTER(RmsnormBackwardBf16, cluster_row, rmsnorm_cluster_row<bf16>);

}  // namespace wb
