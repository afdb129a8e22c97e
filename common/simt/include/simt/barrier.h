// Block-wide barriers and memory fences.
#pragma once

#include "simt/atomics.h"
#include "simt/context.h"

namespace simt::detail {

/// Where in the source a thread waits.
struct Site {
  const char* file;
  int line;
};

/// The result of a barrier for every thread: a summary of the predicates of all threads.
struct BarrierVote {
  int count;
  bool all, any;
};

/// Waits for every thread of the block that has not returned.
void block_barrier(const char* name, Site site);
BarrierVote block_vote(const char* name, int predicate, Site site);

void* dynamic_shared_memory();

}  // namespace simt::detail

#define SIMT_SITE const char *simt_file = __builtin_FILE(), int simt_line = __builtin_LINE()
#define SIMT_SITE_PARAMETERS const char *simt_file, int simt_line
#define SIMT_HERE        \
  ::simt::detail::Site { \
    simt_file, simt_line \
  }

inline void __syncthreads(SIMT_SITE) {
  simt::detail::block_barrier("__syncthreads", SIMT_HERE);
}
inline int __syncthreads_count(int predicate, SIMT_SITE) {
  return simt::detail::block_vote("__syncthreads_count", predicate, SIMT_HERE).count;
}
inline int __syncthreads_and(int predicate, SIMT_SITE) {
  return simt::detail::block_vote("__syncthreads_and", predicate, SIMT_HERE).all;
}
inline int __syncthreads_or(int predicate, SIMT_SITE) {
  return simt::detail::block_vote("__syncthreads_or", predicate, SIMT_HERE).any;
}

inline void __threadfence() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
inline void __threadfence_block() {
  const simt::detail::ForBlock scope;
  __atomic_thread_fence(__ATOMIC_ACQ_REL);
}
inline void __threadfence_system() {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

namespace simt {
/// `extern __shared__ T name[];` becomes a reference to this.
template <class T>
T (&dynamic_shared())
[] {
  return *static_cast<T(*)[]>(detail::dynamic_shared_memory());
}
}  // namespace simt
