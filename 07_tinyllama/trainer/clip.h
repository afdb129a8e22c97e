// Clipping by the global norm: one factor for all gradients, computed and applied on the device.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace wb {

/// Floats of scratch memory that gradient_norm needs for n gradients.
std::size_t gradient_norm_scratch(std::int64_t n);

/// *norm = sqrt(sum of squares of the n gradients), in a fixed order: the same gradients give the same bits.
/// *factor = 1 while the norm is at most max_norm, else max_norm / norm; 0 for a norm that is not finite.
/// max_norm may be infinity: then nothing is clipped. Never waits for the device.
/// Errors: n < 1, max_norm not more than 0, or a pointer that is null or, for gradients, not aligned to 16
/// bytes throws wb::Error.
void gradient_norm(const float* gradients,  // (n)
                   float* scratch,          // (gradient_norm_scratch(n))
                   float* norm,             // (1)
                   float* factor,           // (1)
                   std::int64_t n, float max_norm, cudaStream_t stream);

/// gradients *= *factor. A factor of 0 writes zeros, also over NaN. A step whose gradients are not finite
/// then changes the parameters by their momentum alone, and the parameters stay finite.
/// Errors: as gradient_norm.
void scale_gradients(float* gradients,     // (n)
                     const float* factor,  // (1)
                     std::int64_t n, cudaStream_t stream);

}  // namespace wb
