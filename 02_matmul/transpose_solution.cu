// Transpose through a padded tile in shared memory.
//
// A block of 32 x 8 threads moves a tile of 32 x 32 elements. It reads rows of the matrix into rows of the
// tile, waits, and writes columns of the tile to rows of the result. So a warp accesses 128 neighboring bytes
// of global memory on both sides.
//
// A row of the tile has one float that is not used. Element [y][x] lies in bank (33 y + x) % 32 = (y + x) %
// 32, so the 32 elements of a column lie in 32 banks, and so do those of a row: one wavefront each.
//
// 8 bytes per element, no FLOPs: memory bound, with a copy of the matrix as the roof. Read before:
// transpose_tile.cu, the same without the padding.
#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = kTransposeTile;
constexpr int kRows = 8;  // of threads in a block

__global__ void transpose_kernel(const float* in,  // (rows, columns)
                                 float* out,       // (columns, rows)
                                 int rows, int columns) {
  __shared__ float tile[kTile][kTile + 1];

  const int tiles_across = (columns - 1) / kTile + 1;
  const int first_column = static_cast<int>(blockIdx.x % tiles_across) * kTile;
  const int first_row = static_cast<int>(blockIdx.x / tiles_across) * kTile;
  const int x = static_cast<int>(threadIdx.x);

  // Read rows of the tile along rows of the matrix.
  for (int y = static_cast<int>(threadIdx.y); y < kTile; y += kRows) {
    const int row = first_row + y, column = first_column + x;
    if (row < rows && column < columns) {
      tile[y][x] = in[static_cast<std::int64_t>(row) * columns + column];
    }
  }
  __syncthreads();

  // Write columns of the tile along rows of the result.
  for (int y = static_cast<int>(threadIdx.y); y < kTile; y += kRows) {
    const int out_row = first_column + y, out_column = first_row + x;
    if (out_row < columns && out_column < rows) {
      out[static_cast<std::int64_t>(out_row) * rows + out_column] = tile[x][y];
    }
  }
}

void transpose_solution(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  transpose_kernel<<<tiles, dim3(kTile, kRows), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, solution, transpose_solution);

}  // namespace
}  // namespace wb
