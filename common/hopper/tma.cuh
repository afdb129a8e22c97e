// Copies of tiles between global and shared memory by the tensor memory accelerator (TMA).
//
// One thread asks for a tile; no register and no other thread takes part. Elements outside the matrix arrive
// as 0 and are not written.
#pragma once

#include <cuda.h>

#include <cstdint>

#include "common/hopper/mbarrier.cuh"

namespace wb::hopper {

/// Copies the tile at (column, row) to shared memory; its bytes count at the barrier.
__device__ inline void load_tile(const CUtensorMap* map, void* destination, std::uint64_t* barrier,
                                 int column, int row) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], "
      "[%2];" ::"r"(shared_address(destination)),
      "l"(map), "r"(shared_address(barrier)), "r"(column), "r"(row)
      : "memory");
}

/// The same, to the same place in every block of the cluster whose bit is set in `blocks`; its bytes count at
/// the barrier of each.
__device__ inline void load_tile_for(unsigned blocks, const CUtensorMap* map, void* destination,
                                     std::uint64_t* barrier, int column, int row) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%0], "
      "[%1, {%3, "
      "%4}], [%2], %5;" ::"r"(shared_address(destination)),
      "l"(map), "r"(shared_address(barrier)), "r"(column), "r"(row), "h"(static_cast<std::uint16_t>(blocks))
      : "memory");
}

/// Copies rows `row` ... of one head to shared memory, 64 features from `feature` on: a map of map_heads.
__device__ inline void load_head_tile(const CUtensorMap* map, void* destination, std::uint64_t* barrier,
                                      int feature, int row, int head, int batch) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], "
      "[%1, {%3, %4, %5, %6}], [%2];" ::"r"(shared_address(destination)),
      "l"(map), "r"(shared_address(barrier)), "r"(feature), "r"(row), "r"(head), "r"(batch)
      : "memory");
}

/// The opposite direction: starts to write such a tile, as a group of this thread's stores.
__device__ inline void store_head_tile(const CUtensorMap* map, const void* source, int feature, int row,
                                       int head, int batch) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map),
      "r"(shared_address(source)), "r"(feature), "r"(row), "r"(head), "r"(batch)
      : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

/// Writes a tile. Its source may be overwritten after wait_for_stores.
__device__ inline void store_tile(const CUtensorMap* map, const void* source, int column, int row) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map),
               "r"(shared_address(source)), "r"(column), "r"(row)
               : "memory");
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

/// Returns when at most kInFlight of the tiles that this thread stores have not yet been read from shared
/// memory.
template <int kInFlight>
__device__ void wait_for_stores() {
  asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kInFlight) : "memory");
}

/// Makes this thread's stores to shared memory visible to TMA and the tensor cores after the next barrier.
__device__ inline void publish_shared_writes() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ inline void prefetch_map(const CUtensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

}  // namespace wb::hopper
