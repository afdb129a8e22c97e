// Component: how a training loop reads the time at the borders of its phases.
//
// The loop calls the timer before forward, after forward, after backward and after the
// optimizer, and takes the differences. Kernels are asynchronous, so it matters what a timer
// waits for before it looks at the clock.
#pragma once

#include <cuda_runtime.h>

#include <chrono>

namespace wb {

/// The time now, in milliseconds since some fixed moment. Only differences mean something.
struct StepTimer {
  static constexpr const char* kName = "step_timer";
  using Function = double(cudaStream_t stream);
};

inline double host_clock_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

}  // namespace wb
