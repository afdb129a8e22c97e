// Functions that device code calls through the headers. They lead into the block that runs on this worker.
#include <fmt/format.h>
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "runtime/block_runner.h"
#include "runtime/failure.h"
#include "runtime/inspector.h"

namespace simt::detail {

void called_outside_kernel(const char* name) {
  std::fprintf(stderr, "simt: %s was called outside a kernel\n", name);
  std::abort();
}

static BlockRunner& runner(const char* name) {
  if (context.runner == nullptr) called_outside_kernel(name);
  return *context.runner;
}

void thread_returned_while_others_wait() {
  context.runner->thread_returned();
}

WarpLanes& warp_lanes() {
  return runner("a warp operation").lanes();
}

unsigned converged_lanes(Site site) {
  return runner("__activemask").converged(site);
}

void* dynamic_shared_memory() {
  static_cast<void>(runner("dynamic shared memory"));
  return context.shared;
}

void yield() {
  runner("__nanosleep").yield();
}

void spin() {
  static thread_local unsigned spins = 0;
  if (++spins % 64 != 0 || context.runner == nullptr) return;
  context.runner->yield();
  if (inspector != nullptr) inspector->give_way();
  sched_yield();
}

long long nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void trap(const char* file, int line) {
  BlockRunner& block = runner("__trap");
  block.fail(cudaErrorLaunchFailure,
             fmt::format("{}: __trap() at {}:{}", block.where(), base_name(file), line));
}

}  // namespace simt::detail

// clock() is one function of the C library here, and two in CUDA: in a kernel it counts cycles, as clock64()
// does.
extern "C" std::clock_t clock() noexcept {
  if (simt::detail::context.runner != nullptr) return static_cast<std::clock_t>(simt::detail::nanoseconds());
  timespec used = {};
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) return -1;
  return used.tv_sec * CLOCKS_PER_SEC + used.tv_nsec / (1'000'000'000 / CLOCKS_PER_SEC);
}

// assert() in a kernel fails the kernel; on the host it ends the program, as the C library's does.
extern "C" void __assert_fail(const char* expression, const char* file, unsigned line,
                              const char* function) noexcept {
  using namespace simt::detail;
  if (context.runner != nullptr) {
    context.runner->fail(cudaErrorAssert,
                         fmt::format("{}: {}:{}: {}: Assertion `{}' failed.", context.runner->where(),
                                     base_name(file), line, function, expression));
  }
  std::fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function, expression);
  std::abort();
}
