// What one request of a warp costs: the rules of the hardware, without a kernel.
//
// Global memory moves in sectors of 32 bytes. Shared memory has 32 banks of 4 bytes; a wavefront serves one
// word of each bank, to any number of lanes. Lanes that ask for 8 bytes are served in halves of the warp, for
// 16 bytes in quarters.
#pragma once

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
};

struct Cost {
  std::uint64_t lanes = 0;
  std::uint64_t bytes_used = 0;   // distinct bytes that lanes ask for
  std::uint64_t bytes_moved = 0;  // sectors or wavefronts, in bytes
  std::uint64_t sectors = 0;      // global memory
  std::uint64_t ideal_sectors = 0;
  std::uint64_t wavefronts = 0;  // shared memory
  std::uint64_t ideal_wavefronts = 0;

  /// What a better pattern of addresses would save.
  std::uint64_t excess() const { return sectors - ideal_sectors + wavefronts - ideal_wavefronts; }
  Cost& operator+=(const Cost& other);
};

Cost global_cost(const Request& request);
Cost shared_cost(const Request& request);

}  // namespace simt::meter
