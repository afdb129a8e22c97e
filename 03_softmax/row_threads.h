// How many threads work on a row.
#pragma once

namespace wb {

/// Threads of a block that gives each about `per_thread` elements of a row: whole warps, at most 1024.
inline int threads_for_row(int columns, int per_thread) {
  const int warps = (columns - 1) / (32 * per_thread) + 1;
  return 32 * (warps < 32 ? warps : 32);
}

}  // namespace wb
