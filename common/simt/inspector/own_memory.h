// Memory of the inspector's own lists. It does not come from operator new, which programs may replace to
// observe their heap (common/harness/heap_watch.cpp does).
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace simt::inspector {

template <class T>
struct OwnMemory {
  using value_type = T;
  OwnMemory() = default;
  template <class U>
  OwnMemory(const OwnMemory<U>&) {}
  T* allocate(std::size_t n) {
    void* memory = std::malloc(n * sizeof(T));
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<T*>(memory);
  }
  void deallocate(T* pointer, std::size_t) { std::free(pointer); }
  bool operator==(const OwnMemory&) const { return true; }
};

template <class T>
using OwnVector = std::vector<T, OwnMemory<T>>;

}  // namespace simt::inspector
