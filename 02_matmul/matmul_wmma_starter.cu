// Your turn: C = A B on tensor cores, with nvcuda::wmma. matmul_wmma.md is the lesson; hints.md helps.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 02 matmul_wmma
//
// A block of 4 warps owns a tile of C: two warps down, two across. At first each warp owns one fragment, 16 x
// 16 outputs. The launcher is complete.
//
// Needs: sm_80
#include <mma.h>

#include "02_matmul/matmul_wmma.h"
#include "02_matmul/matmul_wmma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace nvcuda;

constexpr int kFragment = 16;  // rows and columns of a fragment, and its part of K

// TODO 6: Let each warp own 2 x 2 fragments of C: kOwned = 2, and arrays of fragments in the kernel.
//         A fragment of A or of B is then loaded once and used twice.
constexpr int kOwned = 1;                      // fragments of C that a warp owns: kOwned x kOwned
constexpr int kTile = 2 * kOwned * kFragment;  // rows and columns of C that a block owns
constexpr int kDepth = 64;                     // how much of K a step covers, once there are tiles
constexpr int kThreads = 128;

using FragmentA = wmma::fragment<wmma::matrix_a, 16, 16, 16, bf16, wmma::row_major>;
using FragmentB = wmma::fragment<wmma::matrix_b, 16, 16, 16, bf16, wmma::row_major>;
using Sums = wmma::fragment<wmma::accumulator, 16, 16, 16, float>;

// Eight neighbors, 16 bytes; zeros outside of the matrix, which add nothing to a sum.
__device__ uint4 load8(const bf16* matrix,  // (rows, columns)
                       int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return make_uint4(0, 0, 0, 0);
  return *reinterpret_cast<const uint4*>(&matrix[static_cast<std::int64_t>(row) * columns + column]);
}

__global__ void __launch_bounds__(kThreads) matmul_wmma_kernel(const bf16* a,  // (M, K)
                                                               const bf16* b,  // (K, N)
                                                               float* c,       // (M, N)
                                                               int m, int n, int k) {
  const int tiles_across = (n - 1) / kTile + 1;
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  // Where in the tile the outputs of this warp begin.
  const int row = warp / 2 * kOwned * kFragment;
  const int column = warp % 2 * kOwned * kFragment;

  // TODO 4: Let the warps of the block share what they load. Declare a tile of A, (kTile, kDepth), and one
  //         of B, (kDepth, kTile), in shared memory, with alignas(32). Walk along K in steps of kDepth: the
  //         block copies both tiles with load8, and each warp then loads its fragments from them. Where does
  //         the block have to wait? Which warps have to copy?

  // TODO 5: Make the reads of both tiles free of bank conflicts. Rows have to begin at multiples of 16 bytes.

  // TODO 1: Set a fragment of sums to zero. For each 16 of K, load the fragments of A and of B that it needs
  //         directly from global memory, and add their product to the sums. Offsets need 64 bits.

  // TODO 2: Store the sums to C.

  // TODO 3: Tiles at the edges extend past C. Which fragments must be neither loaded nor stored? A fragment
  //         belongs to a whole warp, so the condition has to be the same for all 32 lanes.
}

void matmul_wmma_starter(const bf16* a, const bf16* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_matmul_wmma(a, b, c, m, n, k, kTile);
  matmul_wmma_kernel<<<tiles, kThreads, 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(MatmulWmma, starter, matmul_wmma_starter);

}  // namespace
}  // namespace wb
