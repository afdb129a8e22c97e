#include "meter/request.h"

#include <algorithm>

namespace simt::meter {

Addresses sorted_addresses(const Request& request, unsigned first, unsigned lanes) {
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

namespace {

/// Whether each lane reads the same as the lane at that distance, if both take part.
bool is_shared_by_pairs(const Request& request, unsigned distance) {
  for (unsigned lane = 0; lane < kLanes; ++lane) {
    const unsigned other = lane ^ distance;
    const bool both = (request.mask >> lane & request.mask >> other & 1) != 0;
    if (both && request.address[lane] != request.address[other]) return false;
  }
  return true;
}

/// Lanes that are served together.
unsigned lanes_at_once(const Request& request) {
  const unsigned lanes = std::min(kLanes, kWavefrontBytes / std::max(request.bytes, 4u));
  if (lanes == kLanes || !request.load) return lanes;
  return is_shared_by_pairs(request, 1) || is_shared_by_pairs(request, 2) ? 2 * lanes : lanes;
}

}  // namespace

Cost shared_cost(const Request& request) {
  constexpr std::uintptr_t kWordBytes = 4;
  Cost cost;
  const unsigned lanes = lanes_at_once(request);
  for (unsigned first = 0; first < kLanes; first += lanes) {
    const Addresses addresses = sorted_addresses(request, first, lanes);
    if (addresses.count == 0) continue;
    unsigned words[kLanes] = {};
    distinct_cells(addresses, request.bytes, kWordBytes,
                   [&](std::uintptr_t word) { ++words[word % kLanes]; });
    cost.wavefronts += *std::max_element(words, words + kLanes);
    ++cost.ideal_wavefronts;
    cost.lanes += addresses.count;
  }
  cost.bytes_used = distinct_bytes(sorted_addresses(request, 0, kLanes), request.bytes);
  cost.bytes_moved = cost.wavefronts * kWavefrontBytes;
  return cost;
}

}  // namespace simt::meter
