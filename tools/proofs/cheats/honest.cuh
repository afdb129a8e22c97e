// The kernel and launcher of an honest answer, for cheats that need one.
#pragma once

#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {
namespace {

// What every launcher of vector_add refuses. False: nothing is left to do.
inline bool has_work(const float* a, const float* b, const float* out, std::int64_t n) {
  WB_REQUIRE(n >= 0, n);
  if (n == 0) return false;
  WB_REQUIRE(a != nullptr && is_aligned(a), a);
  WB_REQUIRE(b != nullptr && is_aligned(b), b);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  return true;
}

__global__ void add_kernel(const float* a,  // (n)
                           const float* b,  // (n)
                           float* out,      // (n)
                           std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

}  // namespace
}  // namespace wb
