// Contract: out[i] = a[i] + b[i], in fp32 or bf16.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/core/bf16.h"

namespace wb {

/// Adds two vectors of n floats. `out` may be `a` or `b`; otherwise nothing overlaps.
/// n = 0 does nothing. Any alignment of a float is legal.
/// Errors: n < 0, or with n > 0 a pointer that is null or not aligned to its element, throws wb::Error.
struct VectorAdd {
  static constexpr const char* kName = "vector_add";
  using Function = void(const float* a,  // (n)
                        const float* b,  // (n)
                        float* out,      // (n)
                        std::int64_t n,  //
                        cudaStream_t stream);
};

/// The same of bf16 numbers: added in fp32, rounded once.
struct VectorAddBf16 {
  static constexpr const char* kName = "vector_add_bf16";
  using Function = void(const bf16* a,   // (n)
                        const bf16* b,   // (n)
                        bf16* out,       // (n)
                        std::int64_t n,  //
                        cudaStream_t stream);
};

}  // namespace wb
