// Device memory under inspection: one range of addresses with a shadow. For each byte the shadow stores
// whether it may be accessed and whether it was written, and for each four bytes the last accesses.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "inspector/entry.h"

namespace simt::inspector {

class DeviceMemory {
 public:
  /// Reserves addresses. False if the system does not grant them.
  bool reserve();

  void* allocate(std::size_t bytes);
  void deallocate(void* pointer, std::size_t bytes);
  void set_written(std::uintptr_t address, std::size_t bytes, bool written);
  void forbid(std::uintptr_t address, std::size_t bytes);

  bool holds(std::uintptr_t address) const { return address - base_ < size_; }
  /// The state of four bytes: the low half has a bit for each byte that was written, and the high half a bit
  /// for each byte that may be accessed.
  unsigned char& state(std::uintptr_t address) { return state_[(address - base_) / 4]; }
  Cell& cell(std::uintptr_t address) { return cells_[(address - base_) / 4]; }

  /// "4 bytes past the end of an array of 1024 bytes".
  std::string describe(std::uintptr_t address);
  bool was_freed(std::uintptr_t address) const;

 private:
  template <class Change>
  void change(std::uintptr_t address, std::size_t bytes, Change change);
  bool may_touch(std::uintptr_t address) { return (state(address) >> 4 >> (address & 3) & 1) != 0; }

  std::uintptr_t base_ = 0;
  std::size_t size_ = 0;
  std::uintptr_t next_ = 0;
  unsigned char* state_ = nullptr;
  Cell* cells_ = nullptr;
};

extern DeviceMemory device_memory;

}  // namespace simt::inspector
