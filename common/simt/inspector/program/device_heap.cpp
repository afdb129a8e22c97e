// Memory that kernels allocate with new or malloc. On a GPU it is in the device's heap, here in the host's.
// All calls of the program come here (the linker's --wrap); those of kernels are recorded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <map>
#include <mutex>
#include <new>

#include "inspector/watch.h"
#include "simt/context.h"

extern "C" {
void* __real_malloc(std::size_t bytes);
void __real_free(void* pointer);
}

namespace simt::inspector {
namespace {

// The map allocates as well.
thread_local bool t_inside = false;

class Heap {
 public:
  static Heap& get() {
    static Heap& forever = *new Heap;
    return forever;
  }
  void add(const void* pointer, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    blocks_[reinterpret_cast<std::uintptr_t>(pointer)] = bytes;
  }
  void remove(const void* pointer) {
    const std::lock_guard lock(mutex_);
    blocks_.erase(reinterpret_cast<std::uintptr_t>(pointer));
  }
  bool holds(std::uintptr_t address) {
    const std::lock_guard lock(mutex_);
    const auto after = blocks_.upper_bound(address);
    return after != blocks_.begin() && address - std::prev(after)->first < std::prev(after)->second;
  }

 private:
  std::mutex mutex_;
  std::map<std::uintptr_t, std::size_t> blocks_;
};

bool in_kernel() {
  return detail::context.runner != nullptr && !t_inside;
}

[[gnu::constructor(102)]] void install() {
  is_on_device_heap = [](std::uintptr_t address) { return Heap::get().holds(address); };
}

}  // namespace
}  // namespace simt::inspector

using namespace simt::inspector;

extern "C" void* __wrap_malloc(std::size_t bytes) {
  void* pointer = __real_malloc(bytes);
  if (in_kernel() && pointer != nullptr) {
    t_inside = true;
    Heap::get().add(pointer, bytes);
    t_inside = false;
  }
  return pointer;
}

extern "C" void __wrap_free(void* pointer) {
  if (in_kernel() && pointer != nullptr) {
    t_inside = true;
    Heap::get().remove(pointer);
    t_inside = false;
  }
  __real_free(pointer);
}

// The library's own would call the library's malloc.
void* operator new(std::size_t bytes) {
  void* pointer = __wrap_malloc(bytes == 0 ? 1 : bytes);
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}
void operator delete(void* pointer) noexcept {
  __wrap_free(pointer);
}
void operator delete(void* pointer, std::size_t) noexcept {
  __wrap_free(pointer);
}
