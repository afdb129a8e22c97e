// Mistake: shifts the columns of the tile by one against bank conflicts, without room for the last.
// First screen: out of bounds.*column_past_the_tile\.cu
#include <cstdint>

#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kTile = kTransposeTile;

__global__ void column_past_the_tile_kernel(const float* in, float* out, int rows, int columns) {
  __shared__ float tile[kTile][kTile];
  const int tiles_across = (columns - 1) / kTile + 1;
  const int first_column = static_cast<int>(blockIdx.x % tiles_across) * kTile;
  const int first_row = static_cast<int>(blockIdx.x / tiles_across) * kTile;
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  if (first_row + y < rows && first_column + x < columns)
    tile[y][x + 1] = in[static_cast<std::int64_t>(first_row + y) * columns + first_column + x];
  __syncthreads();
  if (first_column + y < columns && first_row + x < rows)
    out[static_cast<std::int64_t>(first_column + y) * rows + first_row + x] = tile[x][y + 1];
}

void launch(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  column_past_the_tile_kernel<<<tiles, dim3(kTile, kTile), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, column_past_the_tile, launch);

}  // namespace
}  // namespace wb::mistake
