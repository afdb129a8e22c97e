// Contracts: rotary position embedding (Su et al., 2021) of queries and keys, in place, and its gradient.
#pragma once

#include <cuda_runtime.h>

#include <vector>

#include "05_rmsnorm_rope/heads_view.h"
#include "common/core/bf16.h"

namespace wb {

/// Which two elements of a head form a pair i in [0, D/2).
enum class RopePairing {
  kHalfSplit,    // (i, i + D/2), as Hugging Face Llama
  kInterleaved,  // (2i, 2i + 1), as the paper
};

/// The angles of position t and pair i: cosine and sine of t * base^(-2i/D), computed in double.
struct RopeTable {
  std::vector<float> cosine;  // (T, D/2)
  std::vector<float> sine;    // (T, D/2)
};
/// Errors: t < 1, d odd or < 2, or base <= 0 throws wb::Error.
RopeTable make_rope_table(int t, int d, double base = 10000.0);

/// (x_i, x_j) <- (x_i cos - x_j sin, x_j cos + x_i sin) for every pair of q and of k, in one launch.
/// The layouts of q and k are free. One that allows 16-byte loads is the fastest: stride_d 1, a start aligned
/// to 16 bytes, D a multiple of 8 (in bf16 of 16), the other strides of 4 (of 8).
///
/// Errors: b, t or a head count < 1, d odd or < 2, or a pointer that is null or not aligned throws wb::Error.
struct RopeForward {
  static constexpr const char* kName = "rope_forward";
  using Function = void(HeadsView<float> q,   // (B, T, H, D)
                        HeadsView<float> k,   // (B, T, K, D)
                        const float* cosine,  // (T, D/2)
                        const float* sine,    // (T, D/2)
                        int b, int t, int d, RopePairing pairing, cudaStream_t stream);
};

/// The inverse rotation, applied in place to dq and dk: a rotation's transpose is its inverse.
struct RopeBackward {
  static constexpr const char* kName = "rope_backward";
  using Function = RopeForward::Function;
};

/// The same with q and k in bf16, and the table and all arithmetic in fp32: each result is rounded once.
struct RopeForwardBf16 {
  static constexpr const char* kName = "rope_forward_bf16";
  using Function = void(HeadsView<bf16> q,    // (B, T, H, D)
                        HeadsView<bf16> k,    // (B, T, K, D)
                        const float* cosine,  // (T, D/2)
                        const float* sine,    // (T, D/2)
                        int b, int t, int d, RopePairing pairing, cudaStream_t stream);
};

struct RopeBackwardBf16 {
  static constexpr const char* kName = "rope_backward_bf16";
  using Function = RopeForwardBf16::Function;
};

}  // namespace wb
