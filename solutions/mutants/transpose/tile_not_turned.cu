// Mistake: the tile is written as it was read: each tile is in its place, and none is transposed.
// Caught as: none is turned
// Caught by: MovesManyTiles
#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = kTransposeTile;
constexpr int kRows = 8;  // of threads in a block

__global__ void tile_not_turned_kernel(const float* in,  // (rows, columns)
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
      out[static_cast<std::int64_t>(out_row) * rows + out_column] = tile[y][x];
    }
  }
}

void tile_not_turned(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  tile_not_turned_kernel<<<tiles, dim3(kTile, kRows), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, tile_not_turned, tile_not_turned);

}  // namespace
}  // namespace wb
