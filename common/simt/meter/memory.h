// Device memory of a metered program: one range of addresses, so that an address tells what it belongs to.
#pragma once

#include <cstddef>
#include <cstdint>

namespace simt::meter {

class DeviceMemory {
 public:
  /// Reserves addresses; false where the system grants none.
  bool reserve();
  void* allocate(std::size_t bytes);
  void deallocate(void* pointer, std::size_t bytes);

  bool holds(std::uintptr_t address) const { return address - base_ < size_; }
  /// Where the allocation that holds the address starts, and how large it is; 0 where none does.
  std::uintptr_t start_of(std::uintptr_t address) const;
  std::size_t bytes_of(std::uintptr_t start) const;

 private:
  std::uintptr_t base_ = 0;
  std::size_t size_ = 0;
  std::uintptr_t next_ = 0;
};

extern DeviceMemory device_memory;

}  // namespace simt::meter
