// Contract: cross entropy and its gradient in one call, in place. With a large vocabulary the logits are the
// largest array of a model, and they are not needed after the gradient is computed.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// With lse[i] = log sum_v exp(logits[i, v]), of the logits that come in:
/// losses[i] = lse[i] - logits[i, targets[i]], in nats;
/// logits[i, v] = dloss * (exp(logits[i, v] - lse[i]) - [v == targets[i]]), rounded once.
/// NaN in a row, or nothing but -inf, makes its loss NaN. Targets lie in [0, V): the caller's duty.
/// Errors: n or v < 1, or a pointer that is null or not aligned to its element, throws wb::Error.
struct TokenLossBf16 {
  static constexpr const char* kName = "token_loss_bf16";
  using Function = void(bf16* logits,        // (N, V); dlogits afterwards
                        const int* targets,  // (N)
                        float* losses,       // (N)
                        float dloss, int n, int v, cudaStream_t stream);
};

}  // namespace wb
