// Contracts: cross entropy of logits against target tokens, and its gradient.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// lse[i] = log sum_v exp(logits[i, v]);  losses[i] = lse[i] - logits[i, targets[i]], in nats.
/// A logit of -inf is a token that cannot come; a row of nothing else has no loss (NaN). NaN in a row makes
/// its loss NaN. Targets lie in [0, V): the caller's duty, since they are on the device.
/// Errors: n or v < 1, or a pointer that is null or not aligned to its element, throws wb::Error.
struct CrossEntropyForward {
  static constexpr const char* kName = "cross_entropy_forward";
  using Function = void(const float* logits,  // (N, V)
                        const int* targets,   // (N)
                        float* losses,        // (N)
                        float* lse,           // (N), kept for the backward pass
                        int n, int v, cudaStream_t stream);
};

/// dlogits[i, v] = dloss * (exp(logits[i, v] - lse[i]) - [v == targets[i]]); 1/N for a mean loss.
/// dlogits may be logits. Errors: as forward.
struct CrossEntropyBackward {
  static constexpr const char* kName = "cross_entropy_backward";
  using Function = void(const float* logits,  // (N, V)
                        const int* targets,   // (N)
                        const float* lse,     // (N)
                        float* dlogits,       // (N, V)
                        float dloss, int n, int v, cudaStream_t stream);
};

/// The same with logits in bf16. Losses and lse stay fp32: they are sums.
struct CrossEntropyForwardBf16 {
  static constexpr const char* kName = "cross_entropy_forward_bf16";
  using Function = void(const bf16* logits,  // (N, V)
                        const int* targets,  // (N)
                        float* losses,       // (N)
                        float* lse,          // (N)
                        int n, int v, cudaStream_t stream);
};

struct CrossEntropyBackwardBf16 {
  static constexpr const char* kName = "cross_entropy_backward_bf16";
  using Function = void(const bf16* logits,  // (N, V)
                        const int* targets,  // (N)
                        const float* lse,    // (N)
                        bf16* dlogits,       // (N, V)
                        float dloss, int n, int v, cudaStream_t stream);
};

}  // namespace wb
