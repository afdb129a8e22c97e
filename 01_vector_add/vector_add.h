// Contract: out[i] = a[i] + b[i].
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb {

/// Adds two vectors of n floats. `out` may be `a` or `b`; otherwise nothing overlaps.
/// n = 0 does nothing. Any alignment of a float is legal.
/// Errors: n < 0 or a null pointer with n > 0 throws wb::Error.
struct VectorAdd {
  static constexpr const char* kName = "vector_add";
  using Function = void(const float* a,  // (n)
                        const float* b,  // (n)
                        float* out,      // (n)
                        std::int64_t n,  //
                        cudaStream_t stream);
};

}  // namespace wb
