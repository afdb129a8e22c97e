// Your turn: C = A B, with a tile of outputs in the registers of each thread. fast_matmul.md is the lesson;
// hints.md helps.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 02 fast_matmul
//
// A block of 16 x 8 threads owns a tile of 64 x 64 outputs, and each thread owns 8 x 4 of them. The launcher
// and the copies to shared memory are complete. At first the copies are slow.
#include "02_matmul/fast_matmul.h"
#include "02_matmul/fast_matmul_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = 64;                  // rows and columns of C that a block owns
constexpr int kDepth = 8;                  // how much of K a step covers
constexpr int kRows = 8;                   // rows of C that a thread owns
constexpr int kColumns = 4;                // columns of C that a thread owns
constexpr int kAcross = kTile / kColumns;  // threads side by side
constexpr int kDown = kTile / kRows;       // threads below each other
constexpr int kThreads = kAcross * kDown;  // 128

// One element; 0 outside of the matrix, which adds nothing to a sum.
__device__ float load(const float* matrix,  // (rows, columns)
                      int rows, int columns, int row, int column) {
  if (row >= rows || column >= columns) return 0.0f;
  return matrix[static_cast<std::int64_t>(row) * columns + column];
}

__global__ void __launch_bounds__(kThreads) fast_matmul_kernel(const float* a,  // (M, K)
                                                               const float* b,  // (K, N)
                                                               float* c,        // (M, N)
                                                               int m, int n, int k) {
  // Depth is the first index of both tiles: what a thread needs of one depth are neighbors.

  // TODO 4: Make the stores to a_tile free of bank conflicts. Rows still have to begin at multiples of 16
  //         bytes.
  alignas(16) __shared__ float a_tile[kDepth][kTile];
  alignas(16) __shared__ float b_tile[kDepth][kTile];

  const int tiles_across = (n - 1) / kTile + 1;
  const int first_row = static_cast<int>(blockIdx.x) / tiles_across * kTile;
  const int first_column = static_cast<int>(blockIdx.x) % tiles_across * kTile;
  const int thread = static_cast<int>(threadIdx.y * kAcross + threadIdx.x);
  // Within the tile, this thread owns rows row .. row + 7 and columns column .. column + 3.
  const int row = static_cast<int>(threadIdx.y) * kRows;
  const int column = static_cast<int>(threadIdx.x) * kColumns;

  float sums[kRows][kColumns] = {};
  for (int start = 0; start < k; start += kDepth) {
    // TODO 6: Copy four neighbors at once. Each thread then copies one float4 of A and one of B. A row of A's
    //         tile has 2 of them, a row of B's tile has 16. Is all of a float4 inside of the matrix if its
    //         first element is?
    for (int i = thread; i < kTile * kDepth; i += kThreads) {
      a_tile[i % kDepth][i / kDepth] = load(a, m, k, first_row + i / kDepth, start + i % kDepth);
      b_tile[i / kTile][i % kTile] = load(b, k, n, start + i / kTile, first_column + i % kTile);
    }
    __syncthreads();

    // TODO 1: For each depth of the tiles, read kRows values of a_tile and kColumns values of b_tile into
    //         arrays of your own. Then add the product of each value of A and each value of B to the sum that
    //         it belongs to. Write #pragma unroll above every loop, so that the arrays are in registers.

    // TODO 5: Read the values as float4: two of a_tile and one of b_tile for each depth.

    __syncthreads();
  }

  // TODO 2: Store the sums to the rows and columns of C that this thread owns. Offsets need 64 bits.

  // TODO 3: Tiles at the edges extend past C. Which sums must not be stored?
}

void fast_matmul_starter(const float* a, const float* b, float* c, int m, int n, int k, cudaStream_t stream) {
  const unsigned tiles = check_fast_matmul(a, b, c, m, n, k, kTile);
  fast_matmul_kernel<<<tiles, dim3(kAcross, kDown), 0, stream>>>(a, b, c, m, n, k);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(FastMatmul, starter, fast_matmul_starter);

}  // namespace
}  // namespace wb
