// Contract: C = A B of row-major fp32 matrices whose rows begin at multiples of 16 bytes.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// Matrix product, without what the contract of matmul.h adds (layouts, alpha, beta, any alignment): K and N
/// are multiples of 4 and all pointers are aligned to 16 bytes, so four neighbors of a row can always be
/// loaded at once. c overlaps neither a nor b.
/// Errors: m, n or k < 1 or > 2^30, k or n not a multiple of 4, or a pointer that is null or not aligned to
/// 16 bytes, throws wb::Error.
struct FastMatmul {
  static constexpr const char* kName = "fast_matmul";
  using Function = void(const float* a,  // (M, K)
                        const float* b,  // (K, N)
                        float* c,        // (M, N)
                        int m, int n, int k, cudaStream_t stream);
};

}  // namespace wb
