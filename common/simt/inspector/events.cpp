// The inspector's side of the calls of kernels (instrumented/hooks.h). On the host, only accesses to device
// memory matter.
#include "inspector/device_memory.h"
#include "inspector/streams.h"
#include "inspector/watch.h"
#include "instrumented/hooks.h"

using namespace simt::inspector;

namespace simt::instrumented {

void access(const void* address, std::size_t bytes, Kind kind, const void* pc) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  if (Watch* w = watch; w != nullptr) {
    if (kind == kAtomic) w->before_atomic();
    w->access(number, bytes, kind, pc);
  } else if (inside == 0 && (device_memory.holds(number) || Streams::get().concerns_host(number)))
      [[unlikely]] {
    const Inside here;
    host_access(number, bytes, kind, pc);
  }
}

void loose_access(const void* address, std::size_t bytes, std::size_t, Kind kind, const void* pc) {
  access(address, bytes, kind, pc);
}

void atomic_load(const void* address, std::size_t bytes, const void* pc) {
  access(address, bytes, kAtomic, pc);
}

void atomic_store(const void* address, std::size_t bytes, const void* pc) {
  if (Watch* w = watch; w != nullptr) w->begin_atomic_store();
  access(address, bytes, kAtomic, pc);
  if (Watch* w = watch; w != nullptr) w->end_atomic_store();
}

void compares(const void* address, std::size_t bytes) {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  if (Watch* w = watch; w != nullptr) {
    w->compares(number, bytes);
  } else {
    host_compares(number);
  }
}

void library_access(const void* address, std::size_t bytes, Kind kind, const void* pc) {
  if (Watch* w = watch; w != nullptr) {
    w->library_access(reinterpret_cast<std::uintptr_t>(address), bytes, kind, pc);
  }
}

void atomic_done(const void* address, Effect effect, int order, const void* pc) {
  if (Watch* w = watch; w != nullptr) {
    w->atomic_done(reinterpret_cast<std::uintptr_t>(address), effect, order, pc);
  }
}

void fence(int order) {
  if (Watch* w = watch; w != nullptr) w->fence(order);
}

void set_scope(bool is_for_block) {
  if (Watch* w = watch; w != nullptr) w->set_scope(is_for_block);
}

}  // namespace simt::instrumented
