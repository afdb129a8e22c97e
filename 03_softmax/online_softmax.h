// Contract: the log-sum-exp of each row, which takes one pass.
#pragma once

#include <cuda_runtime.h>

#include "03_softmax/softmax_check.h"
#include "common/core/check.h"

namespace wb {

/// lse[r] = log(sum_c exp(x[r, c])), so that softmax is exp(x[r, c] - lse[r]). Finite rows never overflow.
/// -inf entries add nothing; a row of only -inf gives -inf. NaN or +inf in a row gives NaN.
/// Errors: rows or columns < 1, or a null or misaligned pointer, throws wb::Error.
struct OnlineSoftmax {
  static constexpr const char* kName = "online_softmax";
  using Function = void(const float* x,  // (rows, columns)
                        float* lse,      // (rows)
                        int rows, int columns, cudaStream_t stream);
};

/// What every implementation checks before it launches: throws wb::Error naming the first bad argument.
inline void check_online_softmax(const float* x, const float* lse, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(lse != nullptr && is_aligned(lse), lse);
}

}  // namespace wb
