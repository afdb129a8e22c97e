// Cooperative groups: the block, tiles of a warp, and the lanes that run together.
#pragma once

#include <stdio.h>

#include "cuda_runtime.h"
#include "simt/context.h"
#include "simt/refused.h"
#include "simt/warp.h"

namespace simt::detail {
[[noreturn]] void trap(const char* file, int line);
}

namespace cooperative_groups {

namespace detail {
using namespace simt::detail;

/// Any trivially copyable value, eight bytes at a time. `source` is a lane of the warp.
template <class T>
T shuffle(unsigned mask, const T& value, int source, Site site) {
  static_assert(std::is_trivially_copyable_v<T>, "a group shuffles trivially copyable values");
  T result = value;
  auto* bytes = reinterpret_cast<unsigned char*>(&result);
  for (std::size_t done = 0; done < sizeof(T); done += 8) {
    const std::size_t part = sizeof(T) - done < 8 ? sizeof(T) - done : 8;
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + done, part);
    word = exchange(kShuffle, mask, word, source, site);
    std::memcpy(bytes + done, &word, part);
  }
  return result;
}

inline unsigned bit(int lane) {
  return 1u << lane;
}
}  // namespace detail

/// All threads of a block.
class thread_block {
 public:
  static void sync(SIMT_SITE) { simt::detail::block_barrier("thread_block::sync", SIMT_HERE); }
  static unsigned thread_rank() { return simt::detail::context.linear; }
  static dim3 group_index() { return dim3(blockIdx); }
  static dim3 thread_index() { return dim3(threadIdx); }
  static dim3 group_dim() { return blockDim; }
  static dim3 dim_threads() { return blockDim; }
  static unsigned size() { return simt::detail::context.count; }
  static unsigned num_threads() { return size(); }
};
inline thread_block this_thread_block() {
  return {};
}

/// kSize neighboring lanes of a warp.
template <unsigned kSize, class Parent = void>
class thread_block_tile {
  static_assert(kSize >= 1 && kSize <= 32 && (kSize & (kSize - 1)) == 0,
                "the CPU device (simt) has tiles of 1, 2, 4, 8, 16 and 32 threads");

 public:
  static void sync(SIMT_SITE) { simt::detail::warp_rendezvous(simt::detail::kSyncWarp, mask(), SIMT_HERE); }
  static unsigned thread_rank() { return static_cast<unsigned>(simt::detail::lane_index()) % kSize; }
  static constexpr unsigned size() { return kSize; }
  static constexpr unsigned num_threads() { return kSize; }
  unsigned meta_group_rank() const { return rank_; }
  unsigned meta_group_size() const { return groups_; }

  template <class T>
  T shfl(T value, int rank, SIMT_SITE) const {
    return detail::shuffle(mask(), value, base() + (rank & static_cast<int>(kSize - 1)), SIMT_HERE);
  }
  template <class T>
  T shfl_up(T value, unsigned delta, SIMT_SITE) const {
    return detail::shuffle(mask(), value, detail::source_up(lane(), delta, kSize), SIMT_HERE);
  }
  template <class T>
  T shfl_down(T value, unsigned delta, SIMT_SITE) const {
    return detail::shuffle(mask(), value, detail::source_down(lane(), delta, kSize), SIMT_HERE);
  }
  template <class T>
  T shfl_xor(T value, unsigned lane_mask, SIMT_SITE) const {
    return detail::shuffle(mask(), value, detail::source_xor(lane(), static_cast<int>(lane_mask), kSize),
                           SIMT_HERE);
  }
  int any(int predicate, SIMT_SITE) const { return __any_sync(mask(), predicate, simt_file, simt_line); }
  int all(int predicate, SIMT_SITE) const { return __all_sync(mask(), predicate, simt_file, simt_line); }
  unsigned ballot(int predicate, SIMT_SITE) const {
    return __ballot_sync(mask(), predicate, simt_file, simt_line) >> base();
  }
  template <class T>
  unsigned match_any(T value, SIMT_SITE) const {
    return __match_any_sync(mask(), value, simt_file, simt_line) >> base();
  }
  template <class T>
  unsigned match_all(T value, int& all_equal, SIMT_SITE) const {
    return __match_all_sync(mask(), value, &all_equal, simt_file, simt_line) >> base();
  }

  thread_block_tile(unsigned rank, unsigned groups) : rank_(rank), groups_(groups) {}
  /// A tile of any parent group converts to thread_block_tile<kSize>.
  template <class Other>
  requires std::is_void_v<Parent> thread_block_tile(const thread_block_tile<kSize, Other>& tile)
      : rank_(tile.meta_group_rank()), groups_(tile.meta_group_size()) {}

 private:
  static int lane() { return simt::detail::lane_index(); }
  static int base() { return lane() & -static_cast<int>(kSize); }
  static unsigned mask() { return (kSize == 32 ? 0xffffffffu : (1u << kSize % 32) - 1) << base(); }

  unsigned rank_, groups_;
};

template <unsigned kSize>
thread_block_tile<kSize, thread_block> tiled_partition(const thread_block& block) {
  return {block.thread_rank() / kSize, (block.size() + kSize - 1) / kSize};
}
template <unsigned kSize, unsigned kParent, class Grandparent>
thread_block_tile<kSize, thread_block_tile<kParent, Grandparent>> tiled_partition(
    const thread_block_tile<kParent, Grandparent>& tile) {
  static_assert(kSize <= kParent, "a tile cannot be larger than the tile that it is part of");
  return {tile.thread_rank() / kSize, kParent / kSize};
}

/// The lanes of a warp that reached this point together.
class coalesced_group {
 public:
  explicit coalesced_group(unsigned mask) : mask_(mask) {}
  void sync(SIMT_SITE) const { simt::detail::warp_rendezvous(simt::detail::kSyncWarp, mask_, SIMT_HERE); }
  unsigned thread_rank() const { return rank_of(simt::detail::lane_index()); }
  unsigned size() const { return static_cast<unsigned>(std::popcount(mask_)); }
  unsigned num_threads() const { return size(); }

  template <class T>
  T shfl(T value, int rank, SIMT_SITE) const {
    return detail::shuffle(mask_, value, lane_of(static_cast<unsigned>(rank)), SIMT_HERE);
  }
  template <class T>
  T shfl_up(T value, unsigned delta, SIMT_SITE) const {
    const unsigned rank = thread_rank();
    return detail::shuffle(mask_, value, lane_of(rank < delta ? rank : rank - delta), SIMT_HERE);
  }
  template <class T>
  T shfl_down(T value, unsigned delta, SIMT_SITE) const {
    const unsigned rank = thread_rank();
    return detail::shuffle(mask_, value, lane_of(rank + delta < size() ? rank + delta : rank), SIMT_HERE);
  }
  int any(int predicate, SIMT_SITE) const { return __any_sync(mask_, predicate, simt_file, simt_line); }
  int all(int predicate, SIMT_SITE) const { return __all_sync(mask_, predicate, simt_file, simt_line); }
  unsigned ballot(int predicate, SIMT_SITE) const {
    const unsigned votes = __ballot_sync(mask_, predicate, simt_file, simt_line);
    unsigned packed = 0;
    for (unsigned rank = 0; rank < size(); ++rank) packed |= (votes >> lane_of(rank) & 1u) << rank;
    return packed;
  }

 private:
  friend class thread_group;
  unsigned rank_of(int lane) const {
    return static_cast<unsigned>(std::popcount(mask_ & (detail::bit(lane) - 1)));
  }
  int lane_of(unsigned rank) const {
    unsigned lanes = mask_;
    for (; rank != 0 && lanes != 0; --rank) lanes &= lanes - 1;
    return lanes == 0 ? simt::detail::lane_index() : std::countr_zero(lanes);
  }

  unsigned mask_;
};
inline coalesced_group coalesced_threads(SIMT_SITE) {
  return coalesced_group(__activemask(simt_file, simt_line));
}

/// Any of the groups above, for functions that accept every kind.
class thread_group {
 public:
  thread_group(const thread_block&) {}
  template <unsigned kSize, class Parent>
  thread_group(const thread_block_tile<kSize, Parent>&) : thread_group(kSize) {}
  thread_group(const coalesced_group& group) : mask_(group.mask_) {}

  void sync(SIMT_SITE) const {
    if (mask_ == 0) {
      simt::detail::block_barrier("thread_group::sync", SIMT_HERE);
    } else {
      simt::detail::warp_rendezvous(simt::detail::kSyncWarp, mask_, SIMT_HERE);
    }
  }
  unsigned thread_rank() const {
    if (mask_ == 0) return thread_block::thread_rank();
    return static_cast<unsigned>(std::popcount(mask_ & (detail::bit(simt::detail::lane_index()) - 1)));
  }
  unsigned size() const {
    return mask_ == 0 ? thread_block::size() : static_cast<unsigned>(std::popcount(mask_));
  }
  unsigned num_threads() const { return size(); }

 private:
  friend thread_group tiled_partition(const thread_group& parent, unsigned size, SIMT_SITE_PARAMETERS);
  /// The tile of `size` neighboring lanes to which the running thread belongs.
  explicit thread_group(unsigned size)
      : mask_((size == 32 ? 0xffffffffu : (1u << size) - 1)
              << (simt::detail::lane_index() & -static_cast<int>(size))) {}

  unsigned mask_ = 0;  // of the warp's lanes; 0: the whole block
};

/// A tile whose size is known only when the kernel runs: a power of two up to 32, and no larger than the
/// parent.
inline thread_group tiled_partition(const thread_group& parent, unsigned size, SIMT_SITE) {
  if (size == 0 || size > 32 || (size & (size - 1)) != 0 || size > parent.size()) {
    ::printf("tiled_partition: a tile of %u threads; it must be a power of two up to 32, and at most %u\n",
             size, parent.size());
    simt::detail::trap(simt_file, simt_line);
  }
  return thread_group(size);
}

/// All threads of the launch. They have ranks, but cannot be synchronized.
class grid_group {
 public:
  template <class... A>
  SIMT_REFUSED("grid-wide synchronization")
  static void sync(A&&...);
  static bool is_valid() { return false; }
  static unsigned long long size() { return num_blocks() * thread_block::size(); }
  static unsigned long long num_threads() { return size(); }
  static unsigned long long thread_rank() {
    return block_rank() * thread_block::size() + thread_block::thread_rank();
  }
  static unsigned long long num_blocks() {
    return static_cast<unsigned long long>(gridDim.x) * gridDim.y * gridDim.z;
  }
  static unsigned long long block_rank() {
    return (static_cast<unsigned long long>(blockIdx.z) * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  }
  static dim3 group_dim() { return gridDim; }
  static dim3 dim_blocks() { return gridDim; }
  static dim3 block_index() { return dim3(blockIdx); }
};
inline grid_group this_grid() {
  return {};
}

template <class Group>
void sync(const Group& group, SIMT_SITE) {
  group.sync(simt_file, simt_line);
}
template <class Group>
auto thread_rank(const Group& group) {
  return group.thread_rank();
}
template <class Group>
auto group_size(const Group& group) {
  return group.size();
}

// clang-format off
SIMT_REFUSED("thread-block clusters") thread_block this_cluster();
template <class... A> SIMT_REFUSED("partitions by label") coalesced_group labeled_partition(A&&...);
template <class... A> SIMT_REFUSED("partitions by predicate") coalesced_group binary_partition(A&&...);
template <class... A> SIMT_REFUSED("asynchronous copies (cp.async)") void memcpy_async(A&&...);
// clang-format on

}  // namespace cooperative_groups
