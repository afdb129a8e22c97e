// What every implementation of transpose checks before it launches, and the tiles that it divides a matrix
// into.
#pragma once

#include <cstdint>

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// A block moves a tile of 32 x 32 elements: a row of a tile is the 128 bytes that a warp asks for at once.
inline constexpr int kTransposeTile = 32;

/// Throws wb::Error naming the first argument that breaks the contract. Returns the number of tiles.
inline unsigned check_transpose(const float* in, const float* out, int rows, int columns) {
  WB_REQUIRE(rows >= 1, rows);
  WB_REQUIRE(columns >= 1, columns);
  WB_REQUIRE(in != nullptr && is_aligned(in), in);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  const std::int64_t down = (static_cast<std::int64_t>(rows) - 1) / kTransposeTile + 1;
  const std::int64_t across = (static_cast<std::int64_t>(columns) - 1) / kTransposeTile + 1;
  WB_REQUIRE(down * across <= INT32_MAX, down * across);
  return static_cast<unsigned>(down * across);
}

}  // namespace wb
