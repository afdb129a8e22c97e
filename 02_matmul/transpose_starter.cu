// Your turn: out[column][row] = in[row][column], at the speed of a copy. README.md is the lesson; hints.md
// helps.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 02 transpose
//
// The launcher is complete: a block of 32 x 8 threads for every tile of 32 x 32 elements.
#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = kTransposeTile;  // 32
constexpr int kRows = 8;               // of threads in a block: each thread moves kTile / kRows elements

__global__ void transpose_kernel(const float* in,  // (rows, columns)
                                 float* out,       // (columns, rows)
                                 int rows, int columns) {
  // Blocks are numbered along the rows of tiles.
  const int tiles_across = (columns - 1) / kTile + 1;
  const int first_column = static_cast<int>(blockIdx.x % tiles_across) * kTile;
  const int first_row = static_cast<int>(blockIdx.x / tiles_across) * kTile;

  // TODO 1: Move one tile straight from `in` to `out`. Thread (x, y) moves the elements of column x in the
  //         rows y, y + kRows, y + 2 kRows, ... of the tile.

  // TODO 2: Tiles at the edges extend past the matrix. Which elements must not be moved?

  // TODO 3: Go through shared memory, so that a warp writes neighbors too: fill a tile, wait, and write its
  //         columns to rows of `out`. Count with ./workbook inspect 02 transpose.

  // TODO 4: Make the columns of the tile free of bank conflicts. Count again.
}

void transpose_starter(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  transpose_kernel<<<tiles, dim3(kTile, kRows), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, starter, transpose_starter);

}  // namespace
}  // namespace wb
