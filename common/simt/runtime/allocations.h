// What the program has allocated through the runtime API, by address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "simt/api_types.h"

namespace simt::detail {

struct Allocation {
  std::uintptr_t address = 0;
  std::size_t bytes = 0;
  cudaMemoryType type = cudaMemoryTypeUnregistered;
  char* mapping = nullptr;  // with the guard pages; null: memory that is not ours to unmap
  std::size_t mapping_bytes = 0;
  bool far = false;  // larger than the memory behind it (simt/far.h): counts as none, and is not inspected
};

/// Maps `bytes` between guard pages and fills them with 0xff: an access past the end, or a value never
/// written, shows.
cudaError_t allocate(void** pointer, std::size_t bytes, cudaMemoryType type);
/// Unmaps; an access afterwards faults. cudaErrorInvalidValue when there is no such allocation of one of the
/// types.
cudaError_t deallocate(void* pointer, bool host);
void deallocate_all_device();
/// Notes memory that the program owns: pinned host memory, a __device__ variable.
void note(void* pointer, std::size_t bytes, cudaMemoryType type);
bool forget(void* pointer);
/// Takes over a mapping of pages that repeat.
void adopt_far(char* start, std::size_t bytes, char* mapping, std::size_t mapping_bytes);

/// The allocation that holds `pointer`.
std::optional<Allocation> find_allocation(const void* pointer);
/// Whether `pointer` lies in the guards of a mapping of pages that repeat: nothing but a fault is there.
bool beside_far(const void* pointer);
std::size_t device_bytes_in_use();
/// Where a faulting address lies: "16 bytes past the end of ..."; empty when near nothing we know.
std::string describe_address(std::uintptr_t address);

}  // namespace simt::detail
