// Where a CUDA thread is: threadIdx and its kin, kept in thread-local storage of
// the worker that runs the block.
#pragma once

#include <cstddef>

#include "simt/qualifiers.h"
#include "simt/vector_types.h"

namespace simt::detail {

class BlockRunner;

/// State of the block that this worker runs. A thread that waits saves its own part and restores it
/// afterwards.
struct Context {
  uint3 thread = {};                // threadIdx
  uint3 block = {};                 // blockIdx
  dim3 block_dim;                   // blockDim
  dim3 grid_dim;                    // gridDim
  unsigned linear = 0;              // number of the running thread in its block
  unsigned next = 0;                // how many threads were started
  unsigned count = 0;               // threads of the block
  unsigned live = 0;                // threads that have not returned yet
  unsigned parked = 0;              // threads that wait
  bool flat = true;                 // the block has one dimension
  const unsigned* order = nullptr;  // the order to start threads in; null: 0, 1, 2, ...
  unsigned exited[32] = {};         // per warp: lanes that returned
  void* shared = nullptr;           // dynamic shared memory of the block
  BlockRunner* runner = nullptr;    // null outside kernels
};

extern constinit thread_local Context context __attribute__((tls_model("initial-exec")));

/// Makes thread number `linear` of the block the running one.
inline void set_thread(Context& c, unsigned linear) {
  c.linear = linear;
  if (c.flat) {
    c.thread = {linear, 0, 0};
  } else {
    const unsigned row = linear / c.block_dim.x;
    c.thread = {linear - row * c.block_dim.x, row % c.block_dim.y, row / c.block_dim.y};
  }
}

/// Takes the next thread of the block; false when all were started.
SIMT_UNWATCHED inline bool start_thread(Context& c) {
  if (c.next == c.count) return false;
  const unsigned turn = c.next++;
  set_thread(c, c.order == nullptr ? turn : c.order[turn]);
  return true;
}

void thread_returned_while_others_wait();

/// Records that the running thread has returned, so that other threads no longer wait for it.
inline void finish_thread(Context& c) {
  c.exited[c.linear / 32] |= 1u << (c.linear % 32);
  --c.live;
  if (c.parked != 0) thread_returned_while_others_wait();
}

inline const uint3& thread_index() {
  return context.thread;
}
inline const uint3& block_index() {
  return context.block;
}
inline const dim3& block_dimensions() {
  return context.block_dim;
}
inline const dim3& grid_dimensions() {
  return context.grid_dim;
}

}  // namespace simt::detail

// Read-only, as in CUDA.
#define threadIdx (::simt::detail::thread_index())
#define blockIdx (::simt::detail::block_index())
#define blockDim (::simt::detail::block_dimensions())
#define gridDim (::simt::detail::grid_dimensions())
inline constexpr int warpSize = 32;
