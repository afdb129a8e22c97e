// The trainer's own kernel of bf16: the weights that the passes read, rounded from the master copy.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/core/bf16.h"

namespace wb {

/// copy[i] = parameters[i], rounded to nearest. 6 bytes per element.
/// Errors: n < 1, n no multiple of 4, a pointer that is null, or parameters not aligned to 16 bytes or copy
/// to 8, throws wb::Error.
void copy_to_bf16(const float* parameters,  // (n)
                  bf16* copy,               // (n)
                  std::int64_t n, cudaStream_t stream);

}  // namespace wb
