// Rung 1: tensor cores by the interface that CUDA C++ has for them (nvcuda::wmma).
//
// Idea: a warp multiplies (16, 16) fragments; one call does 4096 multiply-adds. An fp32 instruction of a warp
// in the chapter's solution does 32. A block of 8 warps owns a (128, 128) tile of C and walks K in steps of
// 32; a warp owns (32, 64) of it, 2 x 4 fragments.
//
// Limited before: the chapter's solution uses ordinary fp32 instructions, at most 67 TFLOP/s on an H100, a
// fifteenth of the 989 of its tensor cores (data sheet).
//
// Limits now: all warps wait for global memory, and then all warps multiply (10 warps wait for it per
// instruction issued: long scoreboard). wmma does not specify which lane holds which element, so results pass
// through shared memory.
//
// Costs in clarity: none; this is the chapter's tiled kernel with fragments instead of single numbers. 127
// registers, 28 KiB of shared memory (sm_90a).
//
// Needs: sm_80
#include <mma.h>

#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/store_result.cuh"
#include "solutions/ladders/matmul_bf16/swizzled_tile.cuh"

namespace wb {
namespace {

using namespace nvcuda;

constexpr int kThreads = 256;
constexpr int kTile = 128;           // rows and columns of C that a block owns
constexpr int kDepth = 32;           // of a step
constexpr int kFragment = 16;        // each side
constexpr int kFragmentsDown = 2;    // of a warp
constexpr int kFragmentsAcross = 4;  // of a warp
constexpr int kPad = 8;              // bf16 at the end of a row of shared memory

// A tile of an operand as it lies in global memory: (kTile, kDepth) or, MN-major, (kDepth, kTile).
template <bool kMnMajor>
struct Tile {
  static constexpr int kRows = kMnMajor ? kDepth : kTile;
  static constexpr int kColumns = kMnMajor ? kTile : kDepth;
  static constexpr int kStride = kColumns + kPad;
  bf16 values[kRows * kStride];

  __device__ void copy(const Operand& from, int extent_start, int depth_start) {
    constexpr int kPerRow = kColumns / kPiece;
#pragma unroll
    for (int piece = static_cast<int>(threadIdx.x); piece < kRows * kPerRow; piece += kThreads) {
      const int row = piece / kPerRow;
      const int column = piece % kPerRow * kPiece;
      *reinterpret_cast<uint4*>(&values[row * kStride + column]) =
          load_piece(from, (kMnMajor ? depth_start : extent_start) + row,
                     (kMnMajor ? extent_start : depth_start) + column);
    }
  }

  // The fragment `extent` rows or columns of C and `depth` steps of K from the corner.
  __device__ const bf16* at(int extent, int depth) const {
    return &values[kMnMajor ? depth * kStride + extent : extent * kStride + depth];
  }
};

template <MatmulLayout kLayout, class Out>
__global__ void __launch_bounds__(kThreads) wmma_kernel(Operand a, Operand b, int k, Result<Out> result) {
  constexpr bool kMnMajorA = is_mn_major_a(kLayout);
  constexpr bool kMnMajorB = is_mn_major_b(kLayout);
  using FragmentA = wmma::fragment<wmma::matrix_a, 16, 16, 16, bf16,
                                   std::conditional_t<kMnMajorA, wmma::col_major, wmma::row_major>>;
  using FragmentB = wmma::fragment<wmma::matrix_b, 16, 16, 16, bf16,
                                   std::conditional_t<kMnMajorB, wmma::row_major, wmma::col_major>>;
  alignas(32) __shared__ Tile<kMnMajorA> a_tile;
  alignas(32) __shared__ Tile<kMnMajorB> b_tile;
  alignas(32) __shared__ float staging[kThreads / 32][kFragment * kFragment];

  const int tiles_across = (result.n + kTile - 1) / kTile;
  const int tile_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int tile_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / 2 * kFragmentsDown * kFragment;
  const int column = warp % 2 * kFragmentsAcross * kFragment;

  wmma::fragment<wmma::accumulator, 16, 16, 16, float> sums[kFragmentsDown][kFragmentsAcross];
  for (auto& line : sums) {
    for (auto& sum : line) wmma::fill_fragment(sum, 0.0f);
  }
  for (int depth = 0; depth < k; depth += kDepth) {
    a_tile.copy(a, tile_row, depth);
    b_tile.copy(b, tile_column, depth);
    __syncthreads();
#pragma unroll
    for (int step = 0; step < kDepth; step += kFragment) {
      FragmentA a_fragments[kFragmentsDown];
#pragma unroll
      for (int i = 0; i < kFragmentsDown; ++i) {
        wmma::load_matrix_sync(a_fragments[i], a_tile.at(row + i * kFragment, step), a_tile.kStride);
      }
#pragma unroll
      for (int j = 0; j < kFragmentsAcross; ++j) {
        FragmentB b_fragment;
        wmma::load_matrix_sync(b_fragment, b_tile.at(column + j * kFragment, step), b_tile.kStride);
#pragma unroll
        for (int i = 0; i < kFragmentsDown; ++i)
          wmma::mma_sync(sums[i][j], a_fragments[i], b_fragment, sums[i][j]);
      }
    }
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kFragmentsDown; ++i) {
#pragma unroll
    for (int j = 0; j < kFragmentsAcross; ++j) {
      wmma::store_matrix_sync(staging[warp], sums[i][j], kFragment, wmma::mem_row_major);
      __syncwarp();
      for (int pair = lane; pair < kFragment * kFragment / 2; pair += 32) {
        const float* two = &staging[warp][2 * pair];
        store_pair(result, tile_row + row + i * kFragment + pair / 8,
                   tile_column + column + j * kFragment + pair % 8 * 2, two[0], two[1]);
      }
      __syncwarp();
    }
  }
}

template <class Out>
void wmma_matmul(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k, float alpha,
                 float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned blocks = tile_count(m, n, kTile, kTile);
  const Operand a_operand = is_mn_major_a(layout) ? make_operand(a, k, m) : make_operand(a, m, k);
  const Operand b_operand = is_mn_major_b(layout) ? make_operand(b, k, n) : make_operand(b, n, k);
  for_layout(layout, [&](auto constant) {
    wmma_kernel<constant.value, Out>
        <<<blocks, kThreads, 0, stream>>>(a_operand, b_operand, k, Result<Out>{c, m, n, alpha, beta});
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(MatmulBf16, wmma, wmma_matmul);
WB_REGISTER(MatmulBf16ToFloat, wmma, wmma_matmul);

}  // namespace wb
