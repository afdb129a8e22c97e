// Contract: the inclusive prefix sum of an array, called scan.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace wb {

/// Elements of the smallest tile for which the scratch memory has room.
inline constexpr int kSmallestScanTile = 256;

/// ints of scratch memory that a call may use: three per tile, and 1024 for what does not grow with n.
inline constexpr std::size_t scan_scratch_size(std::int64_t n) {
  return 3 * static_cast<std::size_t>((n + kSmallestScanTile - 1) / kSmallestScanTile) + 1024;
}

/// out[i] = x[0] + x[1] + ... + x[i]: where each row of a ragged batch ends, or where each kept element of a
/// filter goes. The caller sees to it that every prefix sum fits in an int. n = 0 does nothing. Scratch
/// memory may hold anything before and after the call. x, out and scratch do not overlap. Errors: n < 0 or n
/// > 2^31 - 1, or with n > 0 a pointer that is null or not aligned to an int, throws wb::Error.
struct Scan {
  static constexpr const char* kName = "scan";
  using Function = void(const int* x,  // (n)
                        int* out,      // (n)
                        int* scratch,  // (scan_scratch_size(n))
                        std::int64_t n, cudaStream_t stream);
};

}  // namespace wb
