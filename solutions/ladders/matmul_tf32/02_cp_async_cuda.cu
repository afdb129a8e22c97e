// Rung 2: single instructions of the tensor cores (mma.sync), with copies that overlap them (cp.async).
//
// Idea: mma.sync specifies which lane holds which element of a fragment, so a lane reads its elements from
// shared memory itself, where padding spreads the lanes over the banks (tiles.cuh), and results go to C
// directly from registers. cp.async fills a ring of three stages: one is multiplied, two are in flight. A
// block of 4 warps owns (128, 128) of C, a warp (64, 64) of that: 32 reads of shared memory serve 32
// multiplications of (16, 8, 8). The tensor cores ignore the lower 13 bits of a float, which rounds toward
// zero.
//
// Limited before: waiting for global memory, and results that pass through shared memory.
//
// Limits now: by count, per step of 8 along K a warp reads 32 floats per lane. For the 8 warps of two blocks
// that takes 256 cycles of shared memory, and their multiplications take as many at the data sheet's rate.
//
// Costs in clarity: where each lane's elements are, and a count of groups in flight.
//
// Needs: sm_80
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_tf32/tiles.cuh"

namespace wb {
namespace tf32 {
namespace {

constexpr int kThreads = 128;
constexpr int kStages = 3;
constexpr int kDown = 4, kAcross = 8;  // fragments of a warp: (16, 8) of C each
constexpr int kWarpTile = 64;          // rows and columns of C that a warp owns

// d (16, 8) += a (16, 8) b (8, 8). Lane l holds d[0, 1] at row l / 4, columns 2 (l % 4) + 0, 1, and d[2, 3]
// eight rows below; a[0, 1] at rows l / 4 and l / 4 + 8 of column l % 4, a[2, 3] four columns on; b[0, 1] at
// rows l % 4 and l % 4 + 4 of column l / 4.
__device__ void multiply(float (&d)[4], const float (&a)[4], const float (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
        "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
}

// Begins the copy of a tile. Outside the matrix nothing is read, and zeros are written.
template <bool kMnMajor>
__device__ void begin_copy(float* tile, const Operand& from, int extent_start, int depth_start) {
  Tile<kMnMajor>::template for_each_piece<kThreads>(
      extent_start, depth_start, [&](int place, int row, int column) {
        if (!from.vectors) {
          *reinterpret_cast<float4*>(tile + place) = load_piece(from, row, column);
          return;
        }
        const bool inside = row < from.rows && column < from.columns;
        const float* source =
            inside ? from.data + static_cast<std::int64_t>(row) * from.columns + column : from.data;
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                         static_cast<std::uint32_t>(__cvta_generic_to_shared(tile + place))),
                     "l"(source), "r"(inside ? 16 : 0)
                     : "memory");
      });
}

template <MatmulLayout kLayout>
struct Shared {
  using TileA = Tile<is_mn_major_a(kLayout)>;
  using TileB = Tile<is_mn_major_b(kLayout)>;
  static constexpr int kStage = TileA::kElements + TileB::kElements;
  static constexpr int kBytes = kStages * kStage * static_cast<int>(sizeof(float));
};

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads, 2) mma_tf32_kernel(Operand a, Operand b, int k, Result result) {
  using TileA = typename Shared<kLayout>::TileA;
  using TileB = typename Shared<kLayout>::TileB;
  extern __shared__ __align__(16) float stages[];  // (kStages, TileA and TileB)
  const TilePlace tile = place_of_block(result.n);
  const int steps = (k + kDepth - 1) / kDepth;
  const auto stage_of = [&](int step) { return stages + step % kStages * Shared<kLayout>::kStage; };
  // One group for each step, past the end of K an empty one: then a count of groups is a count of steps.
  const auto begin_step = [&](int step) {
    if (step < steps) {
      begin_copy<is_mn_major_a(kLayout)>(stage_of(step), a, tile.row, step * kDepth);
      begin_copy<is_mn_major_b(kLayout)>(stage_of(step) + TileA::kElements, b, tile.column, step * kDepth);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  for (int step = 0; step < kStages - 1; ++step) begin_step(step);

  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / 2 * kWarpTile, column = warp % 2 * kWarpTile;
  float sums[kDown][kAcross][4] = {};
  for (int step = 0; step < steps; ++step) {
    asm volatile("cp.async.wait_group %0;" ::"n"(kStages - 2) : "memory");
    // Everyone's part of this step has arrived, and everyone has read the stage that is filled next.
    __syncthreads();
    begin_step(step + kStages - 1);
    const float* a_tile = stage_of(step);
    const float* b_tile = a_tile + TileA::kElements;
#pragma unroll
    for (int depth = 0; depth < kDepth; depth += 8) {
      float from_a[kDown][4], from_b[kAcross][2];
#pragma unroll
      for (int i = 0; i < kDown * 4; ++i) {
        const int down = row + i / 4 * 16 + i % 2 * 8 + lane / 4;
        from_a[i / 4][i % 4] = a_tile[TileA::at(down, depth + i % 4 / 2 * 4 + lane % 4)];
      }
#pragma unroll
      for (int j = 0; j < kAcross * 2; ++j) {
        const int across = column + j / 2 * 8 + lane / 4;
        from_b[j / 2][j % 2] = b_tile[TileB::at(across, depth + j % 2 * 4 + lane % 4)];
      }
#pragma unroll
      for (int i = 0; i < kDown; ++i) {
#pragma unroll
        for (int j = 0; j < kAcross; ++j) multiply(sums[i][j], from_a[i], from_b[j]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kDown; ++i) {
#pragma unroll
    for (int j = 0; j < kAcross; ++j) {
      const int to_row = tile.row + row + 16 * i + lane / 4;
      const int to_column = tile.column + column + 8 * j + lane % 4 * 2;
      store_pair(result, to_row, to_column, sums[i][j][0], sums[i][j][1]);
      store_pair(result, to_row + 8, to_column, sums[i][j][2], sums[i][j][3]);
    }
  }
}

void matmul_tf32_cp_async(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                          float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned blocks = tile_count(m, n, kTile, kTile);
  const Operand a_operand = is_mn_major_a(layout) ? make_operand(a, k, m) : make_operand(a, m, k);
  const Operand b_operand = is_mn_major_b(layout) ? make_operand(b, k, n) : make_operand(b, n, k);
  for_layout(layout, [&](auto constant) {
    const auto kernel = mma_tf32_kernel<constant.value>;
    constexpr int kBytes = Shared<constant.value>::kBytes;
    allow_shared_memory(kernel, kBytes);
    kernel<<<blocks, kThreads, kBytes, stream>>>(a_operand, b_operand, k, Result{c, m, n, alpha, beta});
  });
  WB_CHECK_LAUNCH();
}

}  // namespace
}  // namespace tf32

WB_REGISTER(MatmulTf32, cp_async, tf32::matmul_tf32_cp_async);

}  // namespace wb
