// Contract: a histogram, how often each of `bins` values occurs.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace wb {

/// counts[v] = how many elements of x equal v, for v = 0 .. bins - 1: tokens per word of a vocabulary, or per
/// expert of a mixture. Elements outside of 0 .. bins - 1 are counted nowhere. `counts` is overwritten.
/// n = 0 sets all counts to 0. x and counts do not overlap.
/// Errors: n < 0 or n > 2^31 - 1, bins < 1, counts null or not aligned to an int, or with n > 0 an x that is,
/// throws wb::Error.
struct Histogram {
  static constexpr const char* kName = "histogram";
  using Function = void(const int* x,    // (n)
                        int* counts,     // (bins)
                        std::int64_t n,  //
                        int bins, cudaStream_t stream);
};

}  // namespace wb
