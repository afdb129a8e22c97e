// Barriers that the hardware keeps by number, 0 to 15 per block: for warpgroups that take turns.
#pragma once

namespace wb::hopper {

/// Waits until `threads` threads, a multiple of 32, have reached the barrier: those that wait and those that
/// only arrive.
__device__ inline void wait_at(int barrier, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

/// Counts this thread at the barrier and does not wait.
__device__ inline void arrive_at_named(int barrier, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(barrier), "r"(threads) : "memory");
}

}  // namespace wb::hopper
