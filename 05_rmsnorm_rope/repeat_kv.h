// Contracts: copy each of K key/value heads H/K times into a contiguous tensor
// (B, H, T, D), and its gradient.
#pragma once

#include <cuda_runtime.h>

#include "05_rmsnorm_rope/heads_view.h"
#include "common/core/bf16.h"

namespace wb {

/// y[b, h, t, d] = x[b, t, h / (H/K), d].
/// Errors: a size < 1, h not a multiple of x.heads, or a pointer that is null or not aligned throws
/// wb::Error.
struct RepeatKvForward {
  static constexpr const char* kName = "repeat_kv_forward";
  using Function = void(HeadsView<const float> x,  // (B, T, K, D), any layout
                        float* y,                  // (B, H, T, D)
                        int b, int t, int h, int d, cudaStream_t stream);
};

/// dx[b, t, k, d] = sum over the H/K heads h of group k of dy[b, h, t, d]; overwrites dx.
struct RepeatKvBackward {
  static constexpr const char* kName = "repeat_kv_backward";
  using Function = void(const float* dy,      // (B, H, T, D)
                        HeadsView<float> dx,  // (B, T, K, D), any layout
                        int b, int t, int h, int d, cudaStream_t stream);
};

/// The same in bf16. A copy is exact; the gradient is added up in fp32 and rounded once.
struct RepeatKvForwardBf16 {
  static constexpr const char* kName = "repeat_kv_forward_bf16";
  using Function = void(HeadsView<const bf16> x,  // (B, T, K, D), any layout
                        bf16* y,                  // (B, H, T, D)
                        int b, int t, int h, int d, cudaStream_t stream);
};

struct RepeatKvBackwardBf16 {
  static constexpr const char* kName = "repeat_kv_backward_bf16";
  using Function = void(const bf16* dy,      // (B, H, T, D)
                        HeadsView<bf16> dx,  // (B, T, K, D), any layout
                        int b, int t, int h, int d, cudaStream_t stream);
};

}  // namespace wb
