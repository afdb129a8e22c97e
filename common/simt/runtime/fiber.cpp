#include "runtime/fiber.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "runtime/setting.h"

namespace simt::detail {

bool FiberPool::is_guard(std::uintptr_t address) const {
  return std::any_of(fibers_.begin(), fibers_.end(), [&](const auto& fiber) {
    return address - reinterpret_cast<std::uintptr_t>(fiber->stack) < guard_bytes();
  });
}

// Room for a large register tile and for printf; SIMT_STACK_KB raises it for kernels with big local arrays.
std::size_t FiberPool::stack_bytes() {
  static const std::size_t bytes = [] {
    constexpr long kUsual = 128, kLeast = 32, kMost = 65536;
    long kilobytes = kUsual;
    if (const char* text = std::getenv("SIMT_STACK_KB")) {
      const auto asked = whole_number(text, kLeast, kMost);
      kilobytes = asked.value_or(kUsual);
      if (!asked) {
        std::fprintf(stderr, "simt: SIMT_STACK_KB is '%s'; it must be %ld to %ld. Using %ld.\n", text, kLeast,
                     kMost, kUsual);
      }
    }
    const std::size_t wanted = static_cast<std::size_t>(kilobytes) * 1024;
    return (wanted + guard_bytes() - 1) / guard_bytes() * guard_bytes();
  }();
  return bytes;
}

FiberPool::~FiberPool() {
  for (const auto& fiber : fibers_) munmap(fiber->stack, guard_bytes() + stack_bytes());
}

void FiberPool::grow() {
  auto fiber = std::make_unique<Fiber>();
  void* memory = mmap(nullptr, guard_bytes() + stack_bytes(), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "simt: no memory for another stack of %zu KiB; set SIMT_STACK_KB lower\n",
                 stack_bytes() / 1024);
    std::_Exit(1);
  }
  fiber->stack = static_cast<char*>(memory);
  // Every guard splits a mapping, and the system limits their number. Past the limit, stacks have no guard.
  static_cast<void>(mprotect(memory, guard_bytes(), PROT_NONE));
  prepare(*fiber, fibers_.size());
  idle_.push_front(fiber.get());
  fibers_.push_back(std::move(fiber));
}

// Start each stack at another cache set: with equal offsets, all stacks would evict each other from a few
// sets.
void FiberPool::prepare(Fiber& fiber, std::size_t index) const {
  const std::size_t color = (index % 16) * 256;
  char* top = fiber.stack + guard_bytes() + stack_bytes() - color;
  fiber.sanitized.create();
  fiber.context = prepare_stack(top, stack_bytes() - color, entry_);
}

void FiberPool::reset() {
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    if (!fibers_[i]->busy) continue;
    prepare(*fibers_[i], i);
    release(fibers_[i].get());
  }
}

}  // namespace simt::detail
