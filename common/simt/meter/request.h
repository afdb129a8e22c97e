// The cost of one request of a warp, by the rules of the hardware.
//
// Global memory moves in sectors of 32 bytes. Shared memory has 32 banks of 4 bytes; a wavefront serves one
// word of each bank, to any number of lanes. Lanes that ask for 8 bytes are served in halves of the warp, for
// 16 bytes in quarters. Loads of two halves or quarters are served together if each lane n reads the same
// vector as lane n ^ 1, or if each reads the same as lane n ^ 2 (measured on an H200 with 153 patterns of
// addresses).
#pragma once

#include <algorithm>
#include <cstdint>

namespace simt::meter {

inline constexpr unsigned kLanes = 32;
inline constexpr unsigned kSectorBytes = 32;
inline constexpr unsigned kWavefrontBytes = 128;

/// The lanes of a warp at one instruction.
struct Request {
  std::uintptr_t address[kLanes];  // of the lanes in `mask`
  std::uint32_t mask = 0;
  std::uint32_t bytes = 0;  // of each lane
  bool load = false;
};

struct Cost {
  std::uint64_t lanes = 0;
  std::uint64_t bytes_used = 0;   // distinct bytes that lanes ask for
  std::uint64_t bytes_moved = 0;  // sectors or wavefronts, in bytes
  std::uint64_t sectors = 0;      // global memory
  std::uint64_t ideal_sectors = 0;
  std::uint64_t wavefronts = 0;  // shared memory
  std::uint64_t ideal_wavefronts = 0;

  /// The sectors and wavefronts that a better pattern of addresses would save.
  std::uint64_t excess() const { return sectors - ideal_sectors + wavefronts - ideal_wavefronts; }
  Cost& operator+=(const Cost& other);
};

/// `visit(sector)` gets each sector once, by its number: address / kSectorBytes.
template <class Visit>
Cost global_cost(const Request& request, Visit visit);
Cost shared_cost(const Request& request);

struct Addresses {
  std::uintptr_t at[kLanes];
  unsigned count = 0;
};

/// Of the lanes from `first` on, in ascending order.
Addresses sorted_addresses(const Request& request, unsigned first, unsigned lanes);
std::uint64_t distinct_bytes(const Addresses& addresses, std::uint32_t bytes);

/// Cells of `size` bytes that the accesses touch; `visit` gets each once.
template <class Visit>
void distinct_cells(const Addresses& addresses, std::uint32_t bytes, std::uintptr_t size, Visit visit) {
  std::uintptr_t next = 0;
  for (unsigned i = 0; i < addresses.count; ++i) {
    const std::uintptr_t last = (addresses.at[i] + bytes - 1) / size;
    for (std::uintptr_t cell = std::max(addresses.at[i] / size, next); cell <= last; ++cell) visit(cell);
    next = std::max(next, last + 1);
  }
}

template <class Visit>
Cost global_cost(const Request& request, Visit visit) {
  const Addresses addresses = sorted_addresses(request, 0, kLanes);
  Cost cost;
  cost.lanes = addresses.count;
  cost.bytes_used = distinct_bytes(addresses, request.bytes);
  distinct_cells(addresses, request.bytes, kSectorBytes, [&](std::uintptr_t sector) {
    ++cost.sectors;
    visit(sector);
  });
  cost.ideal_sectors = (cost.bytes_used + kSectorBytes - 1) / kSectorBytes;
  cost.bytes_moved = cost.sectors * kSectorBytes;
  return cost;
}

}  // namespace simt::meter
