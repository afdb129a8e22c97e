// Rung 1: tensor cores by the interface that CUDA C++ has for them (nvcuda::wmma), in tf32.
//
// Idea: rung 1 of bf16 with other fragments. tf32 is fp32 with 10 bits of mantissa: matrices stay floats in
// memory, and each element is rounded to nearest once it is in a fragment (__float_to_tf32). A fragment of
// tf32 covers 8 steps of K, half of bf16's, for the same number of registers. A block of 8 warps owns a (128,
// 128) tile of C and walks K in steps of 32; a warp owns (32, 64) of it, 2 x 4 fragments of (16, 16).
//
// Limited before: the chapter's matmul uses ordinary fp32 instructions, 67 TFLOP/s at most on an H100; its
// tensor cores do 495 in tf32 by the data sheet.
//
// Limits now: all warps wait for global memory, and then all warps multiply; and a float is read from shared
// memory for each element of a fragment.
//
// Costs in clarity: none; this is the chapter's tiled kernel with fragments instead of single numbers.
//
// Needs: sm_80
#include <mma.h>

#include <type_traits>

#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_tf32/tiles.cuh"

namespace wb {
namespace tf32 {
namespace {

using namespace nvcuda;

constexpr int kThreads = 256;
constexpr int kFragment = 16;        // rows or columns of C
constexpr int kFragmentDepth = 8;    // of K
constexpr int kFragmentsDown = 2;    // of a warp
constexpr int kFragmentsAcross = 4;  // of a warp

template <class Fragment>
__device__ void load(Fragment& fragment, const float* from, int stride) {
  wmma::load_matrix_sync(fragment, from, static_cast<unsigned>(stride));
#pragma unroll
  for (int i = 0; i < fragment.num_elements; ++i) fragment.x[i] = wmma::__float_to_tf32(fragment.x[i]);
}

template <bool kMnMajor>
__device__ void copy(float* tile, const Operand& from, int extent_start, int depth_start) {
  Tile<kMnMajor>::template for_each_piece<kThreads>(
      extent_start, depth_start, [&](int place, int row, int column) {
        *reinterpret_cast<float4*>(tile + place) = load_piece(from, row, column);
      });
}

template <MatmulLayout kLayout>
__global__ void __launch_bounds__(kThreads) wmma_tf32_kernel(Operand a, Operand b, int k, Result result) {
  constexpr bool kMnMajorA = is_mn_major_a(kLayout), kMnMajorB = is_mn_major_b(kLayout);
  using TileA = Tile<kMnMajorA>;
  using TileB = Tile<kMnMajorB>;
  using FragmentA = wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32,
                                   std::conditional_t<kMnMajorA, wmma::col_major, wmma::row_major>>;
  using FragmentB = wmma::fragment<wmma::matrix_b, 16, 16, 8, wmma::precision::tf32,
                                   std::conditional_t<kMnMajorB, wmma::row_major, wmma::col_major>>;
  alignas(32) __shared__ float a_tile[TileA::kElements];
  alignas(32) __shared__ float b_tile[TileB::kElements];
  alignas(32) __shared__ float staging[kThreads / 32][kFragment * kFragment];

  const TilePlace tile = place_of_block(result.n);
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int row = warp / 2 * kFragmentsDown * kFragment;
  const int column = warp % 2 * kFragmentsAcross * kFragment;

  wmma::fragment<wmma::accumulator, 16, 16, 8, float> sums[kFragmentsDown][kFragmentsAcross];
  for (auto& line : sums) {
    for (auto& sum : line) wmma::fill_fragment(sum, 0.0f);
  }
  for (int depth = 0; depth < k; depth += kDepth) {
    copy<kMnMajorA>(a_tile, a, tile.row, depth);
    copy<kMnMajorB>(b_tile, b, tile.column, depth);
    __syncthreads();
#pragma unroll
    for (int step = 0; step < kDepth; step += kFragmentDepth) {
      FragmentA a_fragments[kFragmentsDown];
#pragma unroll
      for (int i = 0; i < kFragmentsDown; ++i) {
        load(a_fragments[i], a_tile + TileA::at(row + i * kFragment, step), TileA::kStride);
      }
#pragma unroll
      for (int j = 0; j < kFragmentsAcross; ++j) {
        FragmentB b_fragment;
        load(b_fragment, b_tile + TileB::at(column + j * kFragment, step), TileB::kStride);
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
        store_pair(result, tile.row + row + i * kFragment + pair / 8,
                   tile.column + column + j * kFragment + pair % 8 * 2, two[0], two[1]);
      }
      __syncwarp();
    }
  }
}

void matmul_tf32_wmma(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                      float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned blocks = tile_count(m, n, kTile, kTile);
  const Operand a_operand = is_mn_major_a(layout) ? make_operand(a, k, m) : make_operand(a, m, k);
  const Operand b_operand = is_mn_major_b(layout) ? make_operand(b, k, n) : make_operand(b, n, k);
  for_layout(layout, [&](auto constant) {
    wmma_tf32_kernel<constant.value>
        <<<blocks, kThreads, 0, stream>>>(a_operand, b_operand, k, Result{c, m, n, alpha, beta});
  });
  WB_CHECK_LAUNCH();
}

}  // namespace
}  // namespace tf32

WB_REGISTER(MatmulTf32, wmma, tf32::matmul_tf32_wmma);

}  // namespace wb
