// Fibers: stacks between which a worker switches, in a few nanoseconds per switch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/sanitizer.h"
#include "runtime/switch.h"
#include "simt/barrier.h"

namespace simt::detail {

/// One stack, and what the CUDA thread on it waits for. The first cache line has all data that a switch uses.
struct alignas(64) Fiber {
  StackPointer context = nullptr;
  Fiber* next = nullptr;            // in whichever list it is
  const char* operation = nullptr;  // what the thread waits in, and where; null: it runs
  Site site = {"", 0};
  unsigned mask = 0;    // warp operations: the lanes it waits for; __activemask: the answer
  unsigned linear = 0;  // the thread's number in its block
  uint3 thread = {};

  bool busy = false;      // holds the frames of a thread
  char* stack = nullptr;  // lowest address of the mapping; it starts with the guard
  [[no_unique_address]] SanitizedStack sanitized;
};

/// First in, first out, without allocation.
class FiberList {
 public:
  bool empty() const { return head_ == nullptr; }
  Fiber* head() const { return head_; }
  void clear() { head_ = tail_ = nullptr; }
  void push_back(Fiber* fiber) {
    fiber->next = nullptr;
    (head_ == nullptr ? head_ : tail_->next) = fiber;
    tail_ = fiber;
  }
  void push_front(Fiber* fiber) {
    fiber->next = head_;
    if (head_ == nullptr) tail_ = fiber;
    head_ = fiber;
  }
  Fiber* pop_front() {
    Fiber* fiber = head_;
    head_ = fiber->next;
    return fiber;
  }
  /// Prefetches the stack of the head, and the fiber after it, from the L2 cache: a block's stacks do not fit
  /// in the L1 cache.
  void prefetch() const {
    if (head_ == nullptr) return;
    const char* frames = static_cast<const char*>(head_->context);
    for (int line = 0; line < 4; ++line) __builtin_prefetch(frames + 64 * line, 1);
    __builtin_prefetch(head_->next, 1);
  }
  /// Moves all of `other` to the end of this list.
  void append(FiberList& other) {
    if (other.empty()) return;
    (head_ == nullptr ? head_ : tail_->next) = other.head_;
    tail_ = other.tail_;
    other.clear();
  }

 private:
  Fiber* head_ = nullptr;
  Fiber* tail_ = nullptr;
};

/// The fibers of one worker. Stacks stay mapped for reuse; only the pages that were touched take memory.
class FiberPool {
 public:
  /// Fibers start in `entry`, which must not return.
  explicit FiberPool(void (*entry)()) : entry_(entry) {}
  ~FiberPool();
  FiberPool(const FiberPool&) = delete;
  FiberPool& operator=(const FiberPool&) = delete;

  Fiber* acquire() {
    if (idle_.empty()) grow();
    Fiber* fiber = idle_.pop_front();
    fiber->busy = true;
    return fiber;
  }
  void release(Fiber* fiber) {
    fiber->busy = false;
    idle_.push_front(fiber);
  }
  /// Discards the frames of every busy fiber. Kernels own nothing, so no destructors have to run.
  void reset();
  const std::vector<std::unique_ptr<Fiber>>& all() const { return fibers_; }

  /// True when `address` lies in the guard of one of the stacks.
  bool is_guard(std::uintptr_t address) const;
  static std::size_t stack_bytes();
  /// Larger than a page, so that a function with large local variables does not skip it.
  static constexpr std::size_t guard_bytes() { return 64 * 1024; }  // whole pages, whatever their size

 private:
  void grow();
  void prepare(Fiber& fiber, std::size_t index) const;

  void (*entry_)();
  std::vector<std::unique_ptr<Fiber>> fibers_;
  FiberList idle_;
};

}  // namespace simt::detail
