// Kernels that fill, compare and fingerprint arrays on the device: the logits of a large model are gigabytes,
// and the host would need longer to look at them than the implementations under test need to compute them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "common/core/bf16.h"

namespace wb {

/// values[i] = low + (high - low) u(seed, i), u uniform in [0, 1): the same on every device. Does not wait.
template <class T>            // float or bf16
void fill_uniform(T* values,  // (n)
                  std::int64_t n, std::uint64_t seed, float low, float high);

/// values[i] random in [0, bound).
void fill_below(int* values,  // (n)
                std::int64_t n, std::uint64_t seed, int bound);

/// A number that depends on every element and its position. Waits.
template <class T>                          // float, bf16 or int
std::uint64_t fingerprint(const T* values,  // (n)
                          std::int64_t n);

/// The root of the mean square, in double. Waits.
template <class T>
double root_mean_square(const T* values,  // (n)
                        std::int64_t n);

/// How far an array is from the reference. The error of an element is |got - expected| in units of the larger
/// of |expected| and the reference's root mean square: relative where values are large, and no division by a
/// value that happens to be near zero. A NaN or an infinity in `got` counts as an infinite error.
struct Difference {
  std::int64_t wrong = 0;      // elements whose error is not within `allowed`
  std::int64_t unwritten = 0;  // elements that still hold the poison, bits 0xFF
  double worst = 0.0;          // the largest error
  std::int64_t worst_at = 0;   // its index; the first where several are equally bad
  double relative = 0.0;       // ||got - expected|| / ||expected||; not finite when an element is not
};

/// Compares on the device; waits. `scale`: the reference's root mean square.
template <class T>
Difference compare(const T* got,       // (n)
                   const T* expected,  // (n)
                   std::int64_t n, double allowed, double scale);

}  // namespace wb
