// Copies tiles from global to shared memory with cp.async: the data does not pass through registers. Needs
// compute capability 8.0.
#pragma once

#include <cstdint>

namespace wb::ladder {

/// Starts a copy of kVector floats; with `valid` false, it writes zeros and reads nothing.
template <int kVector>
__device__ void copy_async(float* shared, const float* global, bool valid) {
  const auto target = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int bytes = valid ? 4 * kVector : 0;
  if constexpr (kVector == 4) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(global), "r"(bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(target), "l"(global), "r"(bytes)
                 : "memory");
  }
}

/// Closes a group of copies.
__device__ inline void commit_copies() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until at most kOpen of this thread's latest groups are under way.
template <int kOpen>
__device__ void wait_for_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kOpen) : "memory");
}

/// Copies tile after tile of one operand along K into shared memory, always with depth outermost.
///
/// kDepthInRows: the matrix is (kTile's dimension, K). Its elements are transposed on the way, so they travel
/// one by one: a warp takes 4 rows of 8 neighbors, 4 sectors of 32 bytes. Otherwise the matrix is (K, kTile's
/// dimension), and kVector neighbors travel together.
template <int kTile, int kDepth, int kStride, int kThreads, bool kDepthInRows, int kVector>
class TileCopier {
  static constexpr int kParts = kTile * kDepth / (kThreads * kVector);  // copies of a thread per tile
  // From one part of a thread to its next, either the depth stays or the place along the tile.
  static constexpr int kPlaceStep = kDepthInRows ? kThreads / kDepth : 0;
  static constexpr int kDepthStep = kDepthInRows ? 0 : kThreads * kVector / kTile;
  static_assert(kParts * kThreads * kVector == kTile * kDepth && kParts <= 32);
  static_assert(kDepthInRows ? kVector == 1 && kDepth % 8 == 0 && kThreads % (4 * kDepth) == 0
                             : kThreads % (kTile / kVector) == 0);

 public:
  /// `extent` and `k`: sizes of op(matrix); `start`: the first row or column of this tile.
  __device__ TileCopier(const float* matrix, int extent, int k, int start) : k_(k), inside_(0) {
    const int slot = static_cast<int>(threadIdx.x);
    const int place =
        kDepthInRows ? slot / 8 % 4 + slot / (4 * kDepth) * 4 : slot % (kTile / kVector) * kVector;
    depth_ = kDepthInRows ? slot % 8 + slot / 32 % (kDepth / 8) * 8 : slot / (kTile / kVector);
    shared_offset_ = depth_ * kStride + place;
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      if (start + place + part * kPlaceStep < extent) inside_ |= 1u << part;
    }
    const std::int64_t row_length = kDepthInRows ? k : extent;
    source_ =
        matrix + (kDepthInRows ? (start + place) * row_length + depth_ : depth_ * row_length + start + place);
    part_step_ = (kDepthInRows ? kPlaceStep : kDepthStep) * row_length;
    tile_step_ = kDepthInRows ? kDepth : kDepth * row_length;
  }

  /// Starts the copies of the next tile along K.
  __device__ void start(float* tile) {  // (kDepth, kStride)
    const float* source = source_;
    float* target = tile + shared_offset_;
#pragma unroll
    for (int part = 0; part < kParts; ++part) {
      const bool valid = (inside_ >> part & 1u) != 0 && depth_ + part * kDepthStep < k_;
      copy_async<kVector>(target + part * (kPlaceStep + kDepthStep * kStride), source, valid);
      source += part_step_;
    }
    source_ += tile_step_;
    depth_ += kDepth;
  }

 private:
  const float* source_;                 // of the first part in the next tile
  std::int64_t part_step_, tile_step_;  // in elements
  int k_, depth_, shared_offset_;
  unsigned inside_;  // bit `part`: whether its row or column is in the matrix
};

}  // namespace wb::ladder
