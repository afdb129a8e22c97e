// Tells the thread sanitizer about every switch of stacks. In other builds these functions are empty.
#pragma once

#if defined(__SANITIZE_THREAD__)
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
}
#endif

namespace simt::detail {

#if defined(__SANITIZE_THREAD__)

/// The sanitizer's handle of a stack.
class SanitizedStack {
 public:
  SanitizedStack() = default;
  ~SanitizedStack() {
    if (owned_) __tsan_destroy_fiber(known_);
  }
  SanitizedStack(const SanitizedStack&) = delete;
  SanitizedStack& operator=(const SanitizedStack&) = delete;
  /// A new handle for a stack of a fiber.
  void create() {
    if (owned_) __tsan_destroy_fiber(known_);
    known_ = __tsan_create_fiber(0);
    owned_ = true;
  }
  /// The stack that this thread is on.
  void be_current() { known_ = __tsan_get_current_fiber(); }
  /// Call it immediately before the switch to this stack. Accesses before the switch are ordered before those
  /// after it.
  void announce() const { __tsan_switch_to_fiber(known_, 0); }

 private:
  void* known_ = nullptr;
  bool owned_ = false;
};

#else

struct SanitizedStack {
  void create() {}
  void be_current() {}
  void announce() const {}
};

#endif

}  // namespace simt::detail
