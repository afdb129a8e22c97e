// Mistake: it copies the matrix.
// Caught as: this is a copy of `in`
#include "02_matmul/transpose.h"
#include "02_matmul/transpose_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kTile = kTransposeTile;
constexpr int kRows = 8;  // of threads in a block

__global__ void copy_kernel(const float* in,  // (rows, columns)
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
      out[static_cast<std::int64_t>(row) * columns + column] = value;
    }
  }
}

void copy(const float* in, float* out, int rows, int columns, cudaStream_t stream) {
  const unsigned tiles = check_transpose(in, out, rows, columns);
  copy_kernel<<<tiles, dim3(kTile, kRows), 0, stream>>>(in, out, rows, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Transpose, copy, copy);

}  // namespace
}  // namespace wb
