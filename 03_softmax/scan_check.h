// What every implementation of scan checks before it launches, and how it divides its scratch memory.
#pragma once

#include <cstdint>

#include "03_softmax/scan.h"
#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {

/// Throws wb::Error naming the first argument that breaks the contract.
inline void check_scan(const int* x, const int* out, const int* scratch, std::int64_t n) {
  WB_REQUIRE(n >= 0 && n <= INT32_MAX, n);
  if (n == 0) return;
  WB_REQUIRE(x != nullptr && is_aligned(x), x);
  WB_REQUIRE(out != nullptr && is_aligned(out), out);
  WB_REQUIRE(scratch != nullptr && is_aligned(scratch), scratch);
}

/// The scratch memory by name. Tile t has number t in each array. Passed to kernels by value.
struct ScanScratch {
  int* ticket;  // (1): tiles that were given to a block
  int* state;   // (tiles): what is known of a tile. Right behind the ticket: one call can clear both
  int* sum;     // (tiles): of the tile's elements
  int* prefix;  // (tiles): of all elements up to the end of the tile
};

/// For `tiles` tiles of at least kSmallestScanTile elements.
inline ScanScratch divide_scan_scratch(int* scratch, std::int64_t tiles) {
  return {scratch, scratch + 1, scratch + 1 + tiles, scratch + 1 + 2 * tiles};
}

}  // namespace wb
