// Rung 2: the tensor cores' own instruction (mma.sync), fed by ldmatrix from swizzled tiles.
//
// Idea: ldmatrix reads eight rows of 16 bytes at once and gives each lane the elements that mma.sync expects
// there. The 16-byte parts of each row are permuted by XOR (swizzled_tile.cuh), so that the eight rows are in
// eight different groups of banks. There is no padding and no bank conflict, for either layout in global
// memory (.trans transposes the fragment). Steps are 64 deep, and since it is known which lane holds what,
// results go from registers to C.
//
// Limited before: instructions and shared memory. At 4096, wmma executes 259 million instructions and 115
// million wavefronts of shared memory for 34 million products; this rung 141 and 69 million.
//
// Limits now: between two steps all warps wait for global memory (6 of them per instruction issued).
//
// Costs in clarity: fragments are no longer matrices but four registers with a layout to look up (mma.cuh).
// 177 registers, 32 KiB of shared memory (sm_90a).
//
// Needs: sm_80
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/store_result.cuh"
#include "solutions/ladders/matmul_bf16/swizzled_tile.cuh"
#include "solutions/ladders/matmul_bf16/warp_tile.cuh"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr int kTile = 128;  // rows and columns of C that a block owns
constexpr int kDepth = 64;  // of a step

// Copies a tile from global memory, by way of registers.
template <bool kMnMajor>
__device__ void copy_tile(bf16* tile, const Operand& from, int extent_start, int depth_start) {
  for_each_piece<kMnMajor, kTile, kThreads>(extent_start, depth_start, [&](int place, int row, int column) {
    *reinterpret_cast<uint4*>(tile + place) = load_piece(from, row, column);
  });
}

template <MatmulLayout kLayout, class Out>
__global__ void __launch_bounds__(kThreads)
    swizzled_mma_kernel(Operand a, Operand b, int k, Result<Out> result) {
  alignas(128) __shared__ bf16 a_tile[kTile * kDepth];
  alignas(128) __shared__ bf16 b_tile[kTile * kDepth];
  const int tiles_across = (result.n + kTile - 1) / kTile;
  const int tile_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int tile_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;

  WarpTile<kLayout> mine;
  for (int depth = 0; depth < k; depth += kDepth) {
    copy_tile<is_mn_major_a(kLayout)>(a_tile, a, tile_row, depth);
    copy_tile<is_mn_major_b(kLayout)>(b_tile, b, tile_column, depth);
    __syncthreads();
    mine.multiply_tiles(a_tile, b_tile);
    __syncthreads();
  }
  mine.store(result, tile_row, tile_column);
}

template <class Out>
void swizzled_mma(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k, float alpha,
                  float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const unsigned blocks = tile_count(m, n, kTile, kTile);
  const Operand a_operand = is_mn_major_a(layout) ? make_operand(a, k, m) : make_operand(a, m, k);
  const Operand b_operand = is_mn_major_b(layout) ? make_operand(b, k, n) : make_operand(b, n, k);
  for_layout(layout, [&](auto constant) {
    swizzled_mma_kernel<constant.value, Out>
        <<<blocks, kThreads, 0, stream>>>(a_operand, b_operand, k, Result<Out>{c, m, n, alpha, beta});
  });
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(MatmulBf16, swizzled_mma, swizzled_mma);
WB_REGISTER(MatmulBf16ToFloat, swizzled_mma, swizzled_mma);

}  // namespace wb
