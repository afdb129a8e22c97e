// Rung 6, bf16: a warp holds a short row, so that no thread waits at a barrier.
// Needs: sm_90
//
// Idea: in bf16 a row of 1024 columns is 2 KiB. Rung 5 gives it two warps, which load two packs per lane and
// meet at a barrier. One warp can hold the row: each lane loads 4 packs of 16 bytes (8 for 2048 columns), and
// the lanes combine their values by shuffles alone. Unlike rung 1 the row is read once. Rows above 2048
// columns are processed as in rung 5.
//
// Limited before: at 1024 columns the barrier, and blocks of 64 threads with two loads each.
// Limits now: at 1024 columns, 79% of a copy (H200), a call is so short that a copy of its bytes takes longer
// (README.md). From 8192 columns on as rung 5.
// Uses: 40 to 62 registers, no shared memory for short rows; otherwise as rung 5.
// Costs in clarity: a second kernel.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_forward/short_launch.cuh"

namespace wb {
namespace {

constexpr int kRows = 8;  // of a block: a warp each

template <class Shape>
__global__ void __launch_bounds__(kWarp* kRows, 4) warp_held(const bf16* x,  // (rows, columns)
                                                             bf16* y,        // (rows, columns)
                                                             int rows, int columns) {
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(kRows) + threadIdx.y;
  const std::int64_t start = row * columns;
  ladder::HeldPacks<Shape> held;
  hopper::wait_for_previous_kernel();
  held.ask_for(x + start, row < rows ? columns : 0);
  hopper::let_next_kernel_start();
  if (row < rows) ladder::store_softmax(y + start, held, columns);
}

void softmax_warp_held(const bf16* x, bf16* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  const bool wide = rows_fit_pack<8>(columns, x, y);
  const auto launch = [&](auto shape) {
    const auto blocks = static_cast<unsigned>((rows - 1) / kRows + 1);
    ladder::launch_early(warp_held<decltype(shape)>, {blocks, dim3(kWarp, kRows)}, stream, x, y, rows,
                         columns);
  };
  if (wide && columns <= 1024) {
    launch(ladder::RowShape<bf16, 8, 4, kWarp>{});
  } else if (wide && columns <= 2048) {
    launch(ladder::RowShape<bf16, 8, 8, kWarp>{});
  } else if (!ladder::launch_short_softmax(x, y, rows, columns, wide, stream)) {
    ladder::softmax_walked_kernel<bf16>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(x, y, columns);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForwardBf16, warp_held, softmax_warp_held);

}  // namespace wb
