// Contract: the transpose of a matrix, out[column][row] = in[row][column].
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// Writes the transpose of a matrix of floats, bit for bit. `in` and `out` do not overlap. (An
/// implementation that holds a whole tile in shared memory also transposes a matrix of one tile in place.)
/// Errors: rows or columns < 1, or a pointer that is null or not aligned to a float, throws wb::Error.
struct Transpose {
  static constexpr const char* kName = "transpose";
  using Function = void(const float* in,  // (rows, columns)
                        float* out,       // (columns, rows)
                        int rows, int columns, cudaStream_t stream);
};

}  // namespace wb
