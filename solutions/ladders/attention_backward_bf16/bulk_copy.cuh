// Copies of plain floats between global and shared memory that one thread asks for, beside the tiles of
// common/hopper/tma.cuh. Addresses and sizes are multiples of 16 bytes.
#pragma once

#include <cstdint>

#include "common/hopper/mbarrier.cuh"

namespace wb::attention_backward {

/// Brings floats; their bytes count at the barrier.
__device__ inline void load_floats(float* destination, const float* source, int count,
                                   std::uint64_t* barrier) {
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
          hopper::shared_address(destination)),
      "l"(source), "r"(count * 4), "r"(hopper::shared_address(barrier))
      : "memory");
}

/// Writes floats from shared to global memory, as a group of this thread's stores.
__device__ inline void store_floats(float* destination, const float* source, int count) {
  asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(destination),
               "r"(hopper::shared_address(source)), "r"(count * 4)
               : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

/// The same, added to what is there; the L2 cache adds.
__device__ inline void add_floats(float* destination, const float* source, int count) {
  asm volatile(
      "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.f32 [%0], [%1], %2;" ::"l"(destination),
      "r"(hopper::shared_address(source)), "r"(count * 4)
      : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

/// Returns when all stores of this thread have arrived in global memory.
__device__ inline void wait_until_stored() {
  asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

/// Orders what this thread did through ordinary accesses and through copies, in global memory.
__device__ inline void order_copies_and_accesses() {
  asm volatile("fence.proxy.async.global;" ::: "memory");
}

__device__ inline int load_acquire(const int* address) {
  int value;
  asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(value) : "l"(address) : "memory");
  return value;
}

__device__ inline void add_release(int* address) {
  asm volatile("fence.acq_rel.gpu;\nred.release.gpu.global.add.s32 [%0], 1;" ::"l"(address) : "memory");
}

}  // namespace wb::attention_backward
