// Rung 4: several blocks hold a row that is too long for one.
// Needs: sm_90
//
// Idea: up to 8 blocks of a cluster share a row. Each holds its slice of dy and y, 16384 columns of each at
// most, and writes its part of dot into the shared memory of the others (cluster.cuh). Rows of up to 131072
// columns are therefore read once, and longer rows twice. Rows of up to 16384 columns are processed as in
// rung 3.
//
// Limited before: the second read of rows above 16384 columns.
// Limits now: memory. Two reads and one write can be faster than the copy, which writes as much as it reads:
// 102% of it at 8192 columns in fp32 and bf16, 104% and 98% at 32768 (H200).
// Uses: 88 registers for clusters, 50 in bf16, otherwise as rung 3; 256 to 1024 bytes of shared memory.
// Costs in clarity: a barrier over blocks, and slices of which the last may be short.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/cluster.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/softmax_backward/softmax_gradient.cuh"

namespace wb {
namespace {

template <class Shape, int kSlices>
__global__ void __launch_bounds__(Shape::kThreads)
    cluster_rows(const typename Shape::T* dy,  // (rows, columns)
                 const typename Shape::T* y,   // (rows, columns)
                 typename Shape::T* dx,        // (rows, columns)
                 int columns) {
  using Held = ladder::HeldRow<Shape, typename Shape::T>;
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), columns);
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns) + slice.first;
  hopper::wait_for_previous_kernel();
  const Held dy_row(dy + start, slice.columns), y_row(y + start, slice.columns);
  hopper::let_next_kernel_start();
  ladder::start_cluster<kSlices>();
  const ladder::Known<1> mine = {{ladder::dot_held<Shape>(dy_row, y_row)}};
  const float dot = ladder::meet_in_cluster<Shape::kThreads, kSlices>(mine).of[0];
  ladder::store_gradient<Shape>(dx + start, dy_row, y_row, dot);
}

template <class T>
void softmax_cluster_rows(const T* dy, const T* y, T* dx, int rows, int columns, cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  const bool wide = rows_fit_pack<16 / sizeof(T)>(columns, dy, y, dx);
  using Half = ladder::RowShape<T, 16 / sizeof(T), 2 * sizeof(T), 512>;
  static_assert(Half::kColumns == ladder::kLongestHeldPair);
  const int slices = (columns - 1) / Half::kColumns + 1;
  const auto launch = [&](auto* kernel, int threads, int cluster) {
    ladder::launch_early(kernel, {dim3(rows, cluster), threads, 0, cluster}, stream, dy, y, dx, columns);
  };
  if (slices == 1) {
    ladder::with_held_pair<T>(
        columns, wide, [&](auto shape) { launch(cluster_rows<decltype(shape), 1>, shape.kThreads, 1); });
  } else if (wide && slices == 2) {
    launch(cluster_rows<Half, 2>, Half::kThreads, 2);
  } else if (wide && slices <= 4) {
    launch(cluster_rows<Half, 4>, Half::kThreads, 4);
  } else if (wide && slices <= 8) {
    launch(cluster_rows<Half, 8>, Half::kThreads, 8);
  } else {
    ladder::softmax_gradient_walked_kernel<T>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(dy, y, dx,
                                                                                                  columns);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, cluster_rows, softmax_cluster_rows<float>);
WB_REGISTER(SoftmaxBackwardBf16, cluster_rows, softmax_cluster_rows<bf16>);

}  // namespace wb
