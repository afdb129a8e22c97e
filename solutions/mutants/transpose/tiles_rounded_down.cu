// Mistake: columns / 32 tiles in a row: those at the right edge are missing, and blocks are taken for others.
// Caught as: Too few blocks
#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = kTransposeTile;
constexpr int kRows = 8;  // of threads in a block

__global__ void tiles_rounded_down_kernel(const float* in,  // (rows, columns)
                                          float* out,       // (columns, rows)
                                          int rows, int columns) {
  __shared__ float tile[kTile][kTile + 1];

  const int tiles_across = columns < kTile ? 1 : columns / kTile;
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

void tiles_rounded_down(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  tiles_rounded_down_kernel<<<tiles, dim3(kTile, kRows), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, tiles_rounded_down, tiles_rounded_down);

}  // namespace
}  // namespace wb
