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
  bool far = false;  // larger than its memory (simt/far.h): not counted as memory in use, and not inspected
};

/// Maps `bytes` between guard pages and fills them with 0xff, so that an access past the end faults and an
/// unwritten value is visible.
cudaError_t allocate(void** pointer, std::size_t bytes, cudaMemoryType type);
/// Unmaps the allocation; an access afterwards faults. cudaErrorInvalidValue if there is no such allocation
/// on that side.
cudaError_t deallocate(void* pointer, bool host);
void deallocate_all_device();
/// Records memory that the program owns: pinned host memory, a __device__ variable.
void note(void* pointer, std::size_t bytes, cudaMemoryType type);
bool forget(void* pointer);
/// Takes over a mapping of pages that repeat.
void adopt_far(char* start, std::size_t bytes, char* mapping, std::size_t mapping_bytes);

/// The allocation that holds `pointer`.
std::optional<Allocation> find_allocation(const void* pointer);
/// Whether `pointer` lies in the guard pages of a mapping of pages that repeat, where every access faults.
bool beside_far(const void* pointer);
std::size_t device_bytes_in_use();
/// The place of a faulting address: "16 bytes past the end of ..."; empty if no known allocation is near.
std::string describe_address(std::uintptr_t address);

}  // namespace simt::detail
