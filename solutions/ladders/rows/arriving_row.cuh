// A row that the copy engine brings into shared memory while the threads work on the row before it (compute
// capability 9.0).
//
// A block that stays for many rows has the next one on its way at all times: from the moment when all threads
// have taken this one into registers until they come back for more, meetings and stores included.
#pragma once

#include <cstdint>

#include "common/hopper/mbarrier.cuh"
#include "solutions/ladders/rows/held_packs.cuh"

namespace wb::ladder {

/// One row, or a slice of it, on its way to `shared`: whole packs of 16 bytes.
template <class T>
class ArrivingRow {
 public:
  /// By all threads. They meet before the first row is asked for.
  __device__ ArrivingRow(unsigned char* shared, std::uint64_t* arrived)
      : row_(reinterpret_cast<T*>(shared)), arrived_(arrived) {
    if (threadIdx.x == 0) {
      hopper::init_barrier(arrived_, 1);
      hopper::publish_barriers();
    }
    __syncthreads();
  }

  /// By all threads, after all have taken the row before.
  __device__ void ask_for(const T* row, int columns) const {
    if (threadIdx.x != 0) return;
    const unsigned bytes = static_cast<unsigned>(columns) * sizeof(T);
    // What threads have read before comes before what the copy engine writes.
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    hopper::arrive_expecting(arrived_, bytes);
    if (bytes == 0) return;
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
            hopper::shared_address(row_)),
        "l"(row), "r"(bytes), "r"(hopper::shared_address(arrived_))
        : "memory");
  }

  /// Waits until it is there.
  __device__ const T* wait() {
    hopper::wait(arrived_, parity_);
    parity_ ^= 1;
    return row_;
  }

 private:
  T* row_;
  std::uint64_t* arrived_;
  unsigned parity_ = 0;
};

}  // namespace wb::ladder
