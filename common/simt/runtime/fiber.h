// Fibres: stacks that a worker switches between, a few nanoseconds a switch (Boost.Context).
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "simt/barrier.h"

namespace simt::detail {

/// One stack, and what the CUDA thread on it waits for.
struct Fiber {
  boost::context::detail::fcontext_t context = nullptr;
  Fiber* next = nullptr;  // in whichever list it is
  bool busy = false;      // holds the frames of a thread
  unsigned linear = 0;    // that thread's number in its block
  uint3 thread = {};
  const char* operation = nullptr;  // what it waits in, and where; null: it runs
  Site site = {"", 0};
  unsigned mask = 0;  // warp operations: the lanes it waits for; __activemask: the answer
  char* stack = nullptr;  // lowest address of the mapping; the first page is the guard
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

/// The fibres of one worker. Stacks stay mapped for reuse; only the pages that were touched take memory.
class FiberPool {
 public:
  using Entry = void (*)(boost::context::detail::transfer_t);
  explicit FiberPool(Entry entry) : entry_(entry) {}
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
  /// Drops the frames of every busy fibre. Kernels own nothing, so nothing needs destroying.
  void reset();
  const std::vector<std::unique_ptr<Fiber>>& all() const { return fibers_; }

  static std::size_t stack_bytes();
  static std::size_t guard_bytes();

 private:
  void grow();
  void prepare(Fiber& fiber, std::size_t index) const;

  Entry entry_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  FiberList idle_;
};

}  // namespace simt::detail
