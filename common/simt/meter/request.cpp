#include "meter/request.h"

#include <algorithm>

namespace simt::meter {
namespace {

struct Addresses {
  std::uintptr_t at[kLanes];
  unsigned count = 0;
};

// Of the lanes from `first` on, in ascending order.
Addresses sorted(const Request& request, unsigned first, unsigned lanes) {
  Addresses result;
  for (unsigned lane = first; lane < first + lanes; ++lane) {
    if ((request.mask >> lane & 1) != 0) result.at[result.count++] = request.address[lane];
  }
  if (!std::is_sorted(result.at, result.at + result.count)) std::sort(result.at, result.at + result.count);
  return result;
}

std::uint64_t distinct_bytes(const Addresses& addresses, std::uint32_t bytes) {
  std::uint64_t total = 0;
  std::uintptr_t end = 0;
  for (unsigned i = 0; i < addresses.count; ++i) {
    const std::uintptr_t start = std::max(addresses.at[i], end);
    end = addresses.at[i] + bytes;
    total += end - std::min(start, end);
  }
  return total;
}

// Cells of `size` bytes that the accesses touch; `visit` gets each once.
template <class Visit>
void distinct_cells(const Addresses& addresses, std::uint32_t bytes, std::uintptr_t size, Visit visit) {
  std::uintptr_t next = 0;
  for (unsigned i = 0; i < addresses.count; ++i) {
    const std::uintptr_t last = (addresses.at[i] + bytes - 1) / size;
    for (std::uintptr_t cell = std::max(addresses.at[i] / size, next); cell <= last; ++cell) visit(cell);
    next = std::max(next, last + 1);
  }
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  lanes += other.lanes;
  bytes_used += other.bytes_used;
  bytes_moved += other.bytes_moved;
  sectors += other.sectors;
  ideal_sectors += other.ideal_sectors;
  wavefronts += other.wavefronts;
  ideal_wavefronts += other.ideal_wavefronts;
  return *this;
}

Cost global_cost(const Request& request) {
  const Addresses addresses = sorted(request, 0, kLanes);
  Cost cost;
  cost.lanes = addresses.count;
  cost.bytes_used = distinct_bytes(addresses, request.bytes);
  distinct_cells(addresses, request.bytes, kSectorBytes, [&](std::uintptr_t) { ++cost.sectors; });
  cost.ideal_sectors = (cost.bytes_used + kSectorBytes - 1) / kSectorBytes;
  cost.bytes_moved = cost.sectors * kSectorBytes;
  return cost;
}

Cost shared_cost(const Request& request) {
  constexpr std::uintptr_t kWordBytes = 4;
  Cost cost;
  const unsigned lanes = std::min(kLanes, kWavefrontBytes / std::max(request.bytes, 4u));
  for (unsigned first = 0; first < kLanes; first += lanes) {
    const Addresses addresses = sorted(request, first, lanes);
    if (addresses.count == 0) continue;
    unsigned words[kLanes] = {};
    distinct_cells(addresses, request.bytes, kWordBytes,
                   [&](std::uintptr_t word) { ++words[word % kLanes]; });
    cost.wavefronts += *std::max_element(words, words + kLanes);
    ++cost.ideal_wavefronts;
    cost.lanes += addresses.count;
  }
  cost.bytes_used = distinct_bytes(sorted(request, 0, kLanes), request.bytes);
  cost.bytes_moved = cost.wavefronts * kWavefrontBytes;
  return cost;
}

}  // namespace simt::meter
