// Device memory of a metered program: one range of addresses, so that each address can be assigned to its
// allocation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "meter/request.h"

namespace simt::meter {

class DeviceMemory {
 public:
  /// Reserves addresses. False if the system does not grant them.
  bool reserve();
  void* allocate(std::size_t bytes);
  void deallocate(void* pointer, std::size_t bytes);

  bool holds(std::uintptr_t address) const { return address - base_ < size_; }
  /// The start of the allocation that holds the address; 0 if there is none.
  std::uintptr_t start_of(std::uintptr_t address) const;

  /// Records that a launch accesses this sector. True for the first time.
  bool touch(std::uintptr_t sector, std::uint32_t launch) {
    std::uint32_t& latest = touched_[sector - base_ / kSectorBytes];
    const bool first = latest != launch;
    latest = launch;
    return first;
  }

 private:
  std::uintptr_t base_ = 0;
  std::size_t size_ = 0;
  std::uintptr_t next_ = 0;
  std::uint32_t* touched_ = nullptr;  // per sector, the launch that touched it last
};

extern DeviceMemory device_memory;

}  // namespace simt::meter
