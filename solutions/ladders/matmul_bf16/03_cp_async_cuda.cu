// Rung 3: tiles arrive while others are multiplied (cp.async, four stages).
//
// Idea: cp.async copies 16 bytes from global to shared memory without a register and without waiting. A ring
// of four buffers holds the tile that is multiplied and three that are in flight, so a step never waits for
// the latency of global memory, only for its bandwidth.
//
// Limited before: latency of global memory; its stalls (long scoreboard) fall from 6 warps per instruction
// issued to 0.01.
//
// Limits now: latency inside the multiprocessor. 128 KiB of tiles leave room for one block, two warps per
// scheduler, and each waits for its fragments before it multiplies: an instruction is issued in a third of
// the cycles.
//
// Costs in clarity: a prologue, and a count of copies in flight. Operands whose rows are not multiples of 16
// bytes are copied element by element through registers, as before. 162 registers (sm_90a).
//
// Needs: sm_80
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "common/core/shared_memory.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/store_result.cuh"
#include "solutions/ladders/matmul_bf16/swizzled_tile.cuh"
#include "solutions/ladders/matmul_bf16/warp_tile.cuh"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kTile = 128;  // rows and columns of C that a block owns
constexpr int kDepth = 64;  // of a step
constexpr int kStages = 4;
constexpr int kTileElements = kTile * kDepth;
constexpr int kSharedBytes = kStages * 2 * kTileElements * static_cast<int>(sizeof(bf16));

// Begins the copy of a tile. Outside the matrix nothing is read, and zeros are written.
template <bool kMnMajor>
__device__ void begin_copy(bf16* tile, const Operand& from, int extent_start, int depth_start) {
  for_each_piece<kMnMajor, kTile, kThreads>(extent_start, depth_start, [&](int place, int row, int column) {
    if (!from.vectors) {
      *reinterpret_cast<uint4*>(tile + place) = load_piece(from, row, column);
      return;
    }
    const bool inside = row < from.rows && column < from.columns;
    const bf16* source =
        inside ? from.data + static_cast<std::int64_t>(row) * from.columns + column : from.data;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                     static_cast<std::uint32_t>(__cvta_generic_to_shared(tile + place))),
                 "l"(source), "r"(inside ? 16 : 0)
                 : "memory");
  });
}

template <MatmulLayout kLayout, class Out>
__global__ void __launch_bounds__(kThreads) cp_async_kernel(Operand a, Operand b, int k, Result<Out> result) {
  extern __shared__ __align__(128) unsigned char memory[];
  bf16* tiles = reinterpret_cast<bf16*>(memory);  // (kStages, 2, kTileElements)
  const int tiles_across = (result.n + kTile - 1) / kTile;
  const int tile_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int tile_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int steps = (k + kDepth - 1) / kDepth;

  // Each step is one group of copies, empty after the last step: so the count of groups in flight stays the
  // same.
  const auto begin_step = [&](int step) {
    if (step < steps) {
      bf16* a_tile = tiles + step % kStages * 2 * kTileElements;
      begin_copy<is_mn_major_a(kLayout)>(a_tile, a, tile_row, step * kDepth);
      begin_copy<is_mn_major_b(kLayout)>(a_tile + kTileElements, b, tile_column, step * kDepth);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  for (int step = 0; step < kStages - 1; ++step) begin_step(step);

  WarpTile<kLayout> mine;
  for (int step = 0; step < steps; ++step) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 2) : "memory");
    // Everyone's part of this step has arrived, and everyone has read the buffer that is filled next.
    __syncthreads();
    begin_step(step + kStages - 1);
    const bf16* a_tile = tiles + step % kStages * 2 * kTileElements;
    mine.multiply_tiles(a_tile, a_tile + kTileElements);
  }
  mine.store(result, tile_row, tile_column);
}

template <class Out>
void cp_async(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k, float alpha,
              float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned blocks = tile_count(m, n, kTile, kTile);
  const Operand a_operand = is_mn_major_a(layout) ? make_operand(a, k, m) : make_operand(a, m, k);
  const Operand b_operand = is_mn_major_b(layout) ? make_operand(b, k, n) : make_operand(b, n, k);
  for_layout(layout, [&](auto constant) {
    const auto kernel = cp_async_kernel<constant.value, Out>;
    allow_shared_memory(kernel, kSharedBytes);
    kernel<<<blocks, kThreads, kSharedBytes, stream>>>(a_operand, b_operand, k,
                                                       Result<Out>{c, m, n, alpha, beta});
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(MatmulBf16, cp_async, cp_async);
WB_REGISTER(MatmulBf16ToFloat, cp_async, cp_async);

}  // namespace wb
