// Which way a row of C columns goes (layernorm_rows.cuh), and the launch that it takes.
#pragma once

#include <cuda_runtime.h>

#include "03_softmax/row_threads.h"
#include "common/core/shared_memory.h"

namespace wb {

// Short rows: 8 floats in each of 256 threads, so that many small blocks share a multiprocessor, and some
// load while others reduce. Long rows: 32 floats in registers. With 512 threads two blocks fit; from 16384
// columns on each keeps as much again in shared memory.
inline constexpr int kShortRow = 2048, kShortRowFloats = 8, kShortRowThreads = 256;
inline constexpr int kLongRowFloats = 32, kLongRowThreads = 512;
inline constexpr int kRegisterRow = kLongRowFloats * kLongRowThreads;  // columns
inline constexpr int kHeldRow = 2 * kRegisterRow;                      // columns
inline constexpr int kStreamedRowThreads = 1024;

enum class RowMode { kShort, kRegisters, kSharedToo, kStreamed };

/// The most threads of a block, for __launch_bounds__.
constexpr int row_mode_threads(RowMode mode) {
  if (mode == RowMode::kShort) return kShortRowThreads;
  return mode == RowMode::kStreamed ? kStreamedRowThreads : kLongRowThreads;
}

/// Blocks that should fit a multiprocessor, likewise: what one row of them loads while another reduces. bf16
/// takes more registers, since the compiler keeps each number of a pack in its own.
constexpr int row_mode_blocks(RowMode mode, std::size_t element_bytes = sizeof(float)) {
  return mode == RowMode::kShort || element_bytes < sizeof(float) ? 1 : 2;
}

struct RowLaunch {
  RowMode mode;
  int threads;               // of a block
  std::size_t shared_bytes;  // dynamic
};

/// element_bytes: of a number of the row.
inline RowLaunch row_launch(int c, std::size_t element_bytes = sizeof(float)) {
  if (c <= kShortRow) return {RowMode::kShort, threads_for_row(c, kShortRowFloats), 0};
  if (c <= kRegisterRow) return {RowMode::kRegisters, threads_for_row(c, kLongRowFloats), 0};
  // Not every GPU gives a block so much; the rest of it is for block_merge.
  constexpr std::size_t kMergeBytes = 1024;
  const std::size_t rest_bytes = kRegisterRow * element_bytes;
  const auto allowed = static_cast<std::size_t>(shared_memory_per_block());
  if (c <= kHeldRow && rest_bytes + kMergeBytes <= allowed) {
    return {RowMode::kSharedToo, kLongRowThreads, rest_bytes};
  }
  return {RowMode::kStreamed, kStreamedRowThreads, 0};
}

}  // namespace wb
