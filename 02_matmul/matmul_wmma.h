// Contract: C = A B of row-major matrices, A and B in bf16, sums and C in fp32.
#pragma once

#include <cuda_runtime.h>

#include "common/core/bf16.h"

namespace wb {

/// Matrix product for tensor cores. M, N and K are multiples of 16 and all pointers are aligned to 32 bytes,
/// so every (16, 16) part of a matrix can be loaded and stored as a fragment. Products are exact. Sums are
/// fp32; the device decides their order and their rounding. c overlaps neither a nor b. Errors: m, n or k <
/// 16 or > 2^30 or not a multiple of 16, or a pointer that is null or not aligned to 32 bytes, throws
/// wb::Error.
struct MatmulWmma {
  static constexpr const char* kName = "matmul_wmma";
  using Function = void(const bf16* a,  // (M, K)
                        const bf16* b,  // (K, N)
                        float* c,       // (M, N)
                        int m, int n, int k, cudaStream_t stream);
};

}  // namespace wb
