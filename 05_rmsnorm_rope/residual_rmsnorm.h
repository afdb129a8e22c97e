// Contract: the residual addition and the RMSNorm that follows it, as one operation.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// sum[i, c] = x[i, c] + residual[i, c];  rstd and y are those of RmsnormForward (rmsnorm.h) for sum. The sum
/// is an output as well: the next residual connection starts from it, and the backward pass needs it. sum may
/// be x or residual; nothing else overlaps. Any alignment of a float is legal. Errors: as RmsnormForward, and
/// for residual and sum as for the other pointers.
///
/// It has no backward contract. With dsum, what comes back through the residual connection: dx = dresidual =
/// dsum + (the dx of RmsnormBackward for sum), so its gradient is that of rmsnorm and an addition.
struct ResidualRmsnormForward {
  static constexpr const char* kName = "residual_rmsnorm_forward";
  using Function = void(const float* x,         // (N, C), what a branch of the model has computed
                        const float* residual,  // (N, C), what it is added to
                        const float* weight,    // (C)
                        float* sum,             // (N, C)
                        float* y,               // (N, C)
                        float* rstd,            // (N), of sum
                        int n, int c, float epsilon, cudaStream_t stream);
};

/// The same with bf16 in memory. y and rstd are of the sum as it is stored, rounded: the backward pass sees
/// no other.
struct ResidualRmsnormForwardBf16 {
  static constexpr const char* kName = "residual_rmsnorm_forward_bf16";
  using Function = void(const bf16* x,         // (N, C)
                        const bf16* residual,  // (N, C)
                        const bf16* weight,    // (C)
                        bf16* sum,             // (N, C)
                        bf16* y,               // (N, C)
                        float* rstd,           // (N), of sum
                        int n, int c, float epsilon, cudaStream_t stream);
};

}  // namespace wb
