// Transpose, directly from memory to memory. The other kernels are compared with it.
//
// A block moves a tile of 32 x 32 elements with 32 x 8 threads, so each thread moves four elements of its
// column. A warp reads 32 neighbors of one row: 4 sectors. It writes them to 32 rows of the result, which lie
// `rows` floats apart: 32 sectors, and of each sector 4 of 32 bytes. With any arrangement of the threads, one
// side of a transpose has such strided accesses.
//
// 8 bytes per element, no FLOPs: memory bound. Next: transpose_tile.cu transposes the tile in shared memory.
#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = kTransposeTile;
constexpr int kRows = 8;  // of threads in a block

__global__ void transpose_naive_kernel(const float* in,  // (rows, columns)
                                       float* out,       // (columns, rows)
                                       int rows, int columns) {
  // Blocks are numbered along the rows of tiles.
  const int tiles_across = (columns - 1) / kTile + 1;
  const int column = static_cast<int>(blockIdx.x % tiles_across) * kTile + static_cast<int>(threadIdx.x);
  const int first_row = static_cast<int>(blockIdx.x / tiles_across) * kTile;

  for (int y = static_cast<int>(threadIdx.y); y < kTile; y += kRows) {
    const int row = first_row + y;
    if (row < rows && column < columns) {
      const float value = in[static_cast<std::int64_t>(row) * columns + column];
      out[static_cast<std::int64_t>(column) * rows + row] = value;
    }
  }
}

void transpose_naive(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  transpose_naive_kernel<<<tiles, dim3(kTile, kRows), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, naive, transpose_naive);

}  // namespace
}  // namespace wb
