// Rung 4: blocks stay, and the next row is on its way while this one becomes its gradient.
// Needs: sm_90
//
// Idea: two blocks per multiprocessor take one long row after the other. When all threads of a block have
// their part of a row in registers, the copy engine brings the next one into shared memory
// (arriving_row.cuh). So each block loads while it computes, and memory does not wait for the other block.
// Rows of at most 16384 logits go as in rung 3: enough blocks of theirs fit a multiprocessor.
//
// Limited before: probably a block that has nothing on its way while it computes.
// Limits now: not measured yet.
// Uses: 64 registers without spills, and shared memory for one row: 64,000 bytes at 32000 logits.
// Costs in clarity: a copy that is ahead of its use.
#include "07_tinyllama/token_loss_check.h"
#include "common/core/device_attribute.h"
#include "common/core/registry.h"
#include "solutions/ladders/rows/arriving_row.cuh"
#include "solutions/ladders/rows/early_launch.cuh"
#include "solutions/ladders/token_loss_bf16/short_exponentials.cuh"

namespace wb {
namespace {

constexpr int kBlocks = 2;  // of a multiprocessor
using Long = ladder::RowShape<bf16, 8, 8, 512>;

__global__ void __launch_bounds__(Long::kThreads, kBlocks) arriving_row(ladder::TokenLossArguments a, int n) {
  extern __shared__ __align__(128) unsigned char shared[];
  __shared__ std::uint64_t arrived;
  ladder::ArrivingRow<bf16> arriving(shared, &arrived);
  std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  arriving.ask_for(a.logits + row * a.v, a.v);
  hopper::let_next_kernel_start();
  for (int turn = 0; row < n; row += gridDim.x, turn ^= 1) {
    const int column = a.targets[row];
    const bf16* logits = arriving.wait();
    ladder::HeldPacks<Long> held;
    held.ask_for(logits, a.v);
    const ladder::Target target = ladder::target_of<Long>(logits, column);
    __syncthreads();
    if (row + gridDim.x < n) arriving.ask_for(a.logits + (row + gridDim.x) * a.v, a.v);
    ladder::replace_row<Long>(a, row, held, target, turn);
  }
}

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1024 / Shape::kThreads)
    short_row(ladder::TokenLossArguments a) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldPacks<Shape> held;
  hopper::wait_for_previous_kernel();
  held.ask_for(a.logits + row * a.v, a.v);
  const ladder::Target target = ladder::target_of<Shape>(a.logits + row * a.v, a.targets[row]);
  hopper::let_next_kernel_start();
  ladder::replace_row<Shape>(a, row, held, target);
}

void token_loss_arriving_row(bf16* logits, const int* targets, float* losses, float dloss, int n, int v,
                             cudaStream_t stream) {
  require_token_loss(logits, targets, losses, n, v);
  const ladder::TokenLossArguments a = {logits, targets, losses, dloss, v};
  const bool wide = rows_fit_pack<8>(v, logits);
  const bool held = ladder::with_logits(v, wide, [&](auto shape) {
    if constexpr (std::is_same_v<decltype(shape), Long>) {
      const int blocks = std::min(n, kBlocks * device_attribute(cudaDevAttrMultiProcessorCount));
      const int bytes = v * static_cast<int>(sizeof(bf16));
      ladder::launch_early(arriving_row, {blocks, Long::kThreads, bytes}, stream, a, n);
    } else {
      ladder::launch_early(short_row<decltype(shape)>, {n, shape.kThreads}, stream, a);
    }
  });
  if (!held) ladder::token_loss_walked_kernel(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(TokenLossBf16, arriving_row, token_loss_arriving_row);

}  // namespace wb
