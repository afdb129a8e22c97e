// What the launchers of all rungs need.
#pragma once

#include <cstdint>
#include <type_traits>

#include "02_matmul/matmul.h"
#include "common/core/check.h"

namespace wb {

/// The tiles (rows, columns) that cover C.
inline unsigned tile_count(int m, int n, int rows, int columns) {
  const std::int64_t tiles =
      ((std::int64_t{m} + rows - 1) / rows) * ((std::int64_t{n} + columns - 1) / columns);
  WB_REQUIRE(tiles <= INT32_MAX, tiles);
  return static_cast<unsigned>(tiles);
}

/// Calls use(std::integral_constant of the layout).
template <class Use>
void for_layout(MatmulLayout layout, Use use) {
  switch (layout) {
    case MatmulLayout::kNN:
      return use(std::integral_constant<MatmulLayout, MatmulLayout::kNN>{});
    case MatmulLayout::kNT:
      return use(std::integral_constant<MatmulLayout, MatmulLayout::kNT>{});
    case MatmulLayout::kTN:
      return use(std::integral_constant<MatmulLayout, MatmulLayout::kTN>{});
  }
}

/// Lets `kernel` ask for more than 48 KiB of dynamic shared memory.
template <class Kernel>
void allow_shared_memory(Kernel kernel, int bytes) {
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

}  // namespace wb
