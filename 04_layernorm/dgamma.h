// Contract: the gradient of LayerNorm's weight alone, a sum over all rows for each column.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// dgamma[c] += sum over i of dy[i, c] * (x[i, c] - mean[i]) * rstd[i]. Gradients of parameters accumulate:
/// what was in dgamma stays in the sum. Blocks may add to dgamma in any order, so the last bits of the result
/// may differ from run to run.
/// mean and rstd are those that layernorm_forward has stored. Nothing overlaps. Any alignment of a float is
/// legal.
/// Errors: n < 1, c outside [1, kLayernormMaxColumns], a null or misaligned pointer throws wb::Error.
struct Dgamma {
  static constexpr const char* kName = "dgamma";
  using Function = void(const float* dy,    // (N, C)
                        const float* x,     // (N, C)
                        const float* mean,  // (N)
                        const float* rstd,  // (N)
                        float* dgamma,      // (C)
                        int n, int c, cudaStream_t stream);
};

}  // namespace wb
