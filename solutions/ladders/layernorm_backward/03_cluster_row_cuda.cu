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
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
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
  ladder::ColumnSums<Shape, true> sums;
  int turn = 0;
  ladder::start_cluster<kSlices>();
  auto mine = ladder::read_row<Shape, true>(a, blockIdx.x, slice);
  for (std::int64_t row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    const auto next = ladder::read_row<Shape, true>(a, row + gridDim.x, slice);
    ladder::Known<2> known = sums.add(mine, a.weight + slice.first);
    if constexpr (kSlices > 0) {
      known = ladder::meet_in_cluster<Shape::kThreads, kSlices>(known, turn);
    } else {
      known = ladder::Add{}(known, ladder::of_other_columns<Shape, true>(a, row, slice));
      known = ladder::meet<Shape::kThreads>(known, ladder::Add{}, turn);
    }
    ladder::store_dx<Shape, true>(a, row, slice, mine, known);
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
    add_partials(const float* partials,  // (2, blocks, C)
                 float* dgamma,          // (C)
                 float* dbeta,           // (C)
                 int blocks, int c) {
  ladder::sum_partials(partials, dgamma, dbeta, blocks, c);
}

void layernorm_cluster_row(const float* dy, const float* x, const float* gamma, const float* mean,
                           const float* rstd, float* dx, float* dgamma, float* dbeta, float* scratch, int n,
                           int c, cudaStream_t stream) {
  check_layernorm_backward(dy, x, gamma, mean, rstd, dx, dgamma, dbeta, scratch, n, c);
  const ladder::NormBackwardArguments<float> a = {dy, x, gamma, mean, rstd, dx, scratch, n, c};
  int blocks = 0;
  ladder::with_gradient_shape<float>(c, rows_fit_pack4(c, dy, x, gamma, dx), [&](auto shape, auto resident) {
    blocks = launch_rows<decltype(shape), resident.value>(a, kLayernormPartials, stream);
  });
  WB_CHECK_LAUNCH();
  const dim3 strips(static_cast<unsigned>((c - 1) / ladder::kStrip + 1), 2);
  add_partials<<<strips, dim3(ladder::kStrip, ladder::kStrip), 0, stream>>>(scratch, dgamma, dbeta, blocks,
                                                                            c);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormBackward, cluster_row, layernorm_cluster_row);

}  // namespace wb
