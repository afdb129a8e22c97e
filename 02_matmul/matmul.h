// Contract: C = alpha * op(A) op(B) + beta * C, row-major; fp32, or bf16 with fp32 sums.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// Which operand is stored transposed. N: as in the formula; T: transposed.
/// A linear layer needs all three: forward NT, gradient of its input NN, gradient of its weight TN.
enum class MatmulLayout {
  kNN,  // a (M, K), b (K, N)
  kNT,  // a (M, K), b (N, K)
  kTN,  // a (K, M), b (K, N)
};

/// Matrix product of any M, N, K >= 1. With beta = 0, c is not read (it may hold NaN).
/// c overlaps neither a nor b. Any alignment of a float is legal. The same call gives the same bits.
/// Errors: m, n or k < 1 or > 2^30, or a pointer that is null or not aligned to its element, throws
/// wb::Error.
struct Matmul {
  static constexpr const char* kName = "matmul";
  using Function = void(MatmulLayout layout,
                        const float* a,  // (M, K), or (K, M) for kTN
                        const float* b,  // (K, N), or (N, K) for kNT
                        float* c,        // (M, N)
                        int m, int n, int k, float alpha, float beta, cudaStream_t stream);
};

/// The same on tensor cores in tf32: every element of a and b is rounded to 10 bits of mantissa, to nearest
/// or toward zero, as it is read. Sums are fp32; the range is that of fp32. A product costs the accuracy of
/// half precision and, on an H100, an eighth of the time.
struct MatmulTf32 {
  static constexpr const char* kName = "matmul_tf32";
  using Function = Matmul::Function;
};

/// The same of bf16 matrices: what activations are multiplied with. Sums are fp32; c is rounded once.
struct MatmulBf16 {
  static constexpr const char* kName = "matmul_bf16";
  using Function = void(MatmulLayout layout,
                        const bf16* a,  // (M, K), or (K, M) for kTN
                        const bf16* b,  // (K, N), or (N, K) for kNT
                        bf16* c,        // (M, N)
                        int m, int n, int k, float alpha, float beta, cudaStream_t stream);
};

/// The same with c in fp32: for gradients of weights, which add up over many calls.
struct MatmulBf16ToFloat {
  static constexpr const char* kName = "matmul_bf16_to_float";
  using Function = void(MatmulLayout layout,
                        const bf16* a,  // (M, K), or (K, M) for kTN
                        const bf16* b,  // (K, N), or (N, K) for kNT
                        float* c,       // (M, N)
                        int m, int n, int k, float alpha, float beta, cudaStream_t stream);
};

}  // namespace wb
