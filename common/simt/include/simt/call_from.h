// The place at which the program called the runtime, for the inspector. The outermost call counts: a function
// that wraps functions of the runtime, as a record of calls does, begins with SIMT_CALL_FROM_HERE.
#pragma once

namespace simt::detail {

inline thread_local const void* t_caller = nullptr;

class CallFrom {
 public:
  explicit CallFrom(const void* caller) : outer_(t_caller) {
    if (outer_ == nullptr) t_caller = caller;
  }
  ~CallFrom() { t_caller = outer_; }
  CallFrom(const CallFrom&) = delete;
  CallFrom& operator=(const CallFrom&) = delete;

 private:
  const void* const outer_;
};

}  // namespace simt::detail

#define SIMT_CALL_FROM_HERE const ::simt::detail::CallFrom simt_call_from_here(__builtin_return_address(0))
