// Barriers in shared memory that count arrivals and bytes: what a producer and its consumers meet at.
//
// A barrier has a phase, 0 first. A phase ends when `arrivals` threads have arrived and every byte that was
// announced has landed; then the next one begins. Who waits names the parity of the phase whose end they wait
// for.
#pragma once

#include <cstdint>

namespace wb::hopper {

/// The address of shared memory in the form that PTX uses.
__device__ inline std::uint32_t shared_address(const void* pointer) {
  return static_cast<std::uint32_t>(__cvta_generic_to_shared(pointer));
}

/// Call it in one thread, before any thread uses the barrier.
__device__ inline void init_barrier(std::uint64_t* barrier, unsigned arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)), "r"(arrivals));
}

/// Call it after init_barrier, in the same thread. It makes the barrier visible to the copy engine and to the
/// other blocks of the cluster.
__device__ inline void publish_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/// Arrives, and announces that the copy engine will write `bytes` in this phase.
__device__ inline void arrive_expecting(std::uint64_t* barrier, unsigned bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
               "r"(bytes)
               : "memory");
}

__device__ inline void arrive(std::uint64_t* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier)) : "memory");
}

/// Arrives at the barrier at the same place in block `rank` of this cluster. The arrival is a release at
/// block scope only. This is enough for buffers that wgmma has read. A release at cluster scope would wait
/// for all stores of the block.
__device__ inline void arrive_at(std::uint64_t* barrier, unsigned rank) {
  asm volatile(
      "{\n"
      ".reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.shared::cluster.b64 _, [remote];\n"
      "}" ::"r"(shared_address(barrier)),
      "r"(rank)
      : "memory");
}

/// Returns when the phase of this parity has ended.
__device__ inline void wait(std::uint64_t* barrier, unsigned parity) {
  unsigned ended = 0;
  while (!ended) {
    asm volatile(
        "{\n"
        ".reg .pred ended;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n"
        "selp.u32 %0, 1, 0, ended;\n"
        "}"
        : "=r"(ended)
        : "r"(shared_address(barrier)), "r"(parity)
        : "memory");
  }
}

/// A ring of buffers: which one comes next, and the parity of its phase.
struct RingPosition {
  int stage = 0;
  unsigned parity = 0;

  template <int kStages>
  __device__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

/// A barrier for all threads of all blocks of the cluster.
__device__ inline void sync_cluster() {
  asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

__device__ inline unsigned rank_in_cluster() {
  unsigned rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

}  // namespace wb::hopper
