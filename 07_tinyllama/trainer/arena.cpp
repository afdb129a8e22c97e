#include "07_tinyllama/trainer/arena.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/core/bf16.h"
#include "common/core/error.h"

namespace wb {

std::int64_t TensorEntry::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

void TensorTable::add(std::string name, std::vector<std::int64_t> shape, std::size_t element_bytes) {
  WB_REQUIRE(element_bytes == sizeof(float) || element_bytes == sizeof(bf16), element_bytes);
  for (const std::int64_t size : shape) WB_REQUIRE(size >= 0, size);
  if (contains(name)) throw Error(fmt::format("tensor table: '{}' is there already", name));
  index_.emplace(name, entries_.size());
  entries_.push_back({std::move(name), std::move(shape), extent_, element_bytes});
  const std::int64_t count = entries_.back().elements();
  elements_ += count;
  const std::int64_t per_float = static_cast<std::int64_t>(sizeof(float) / element_bytes);
  const std::int64_t floats = (count + per_float - 1) / per_float;
  extent_ += (floats + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

const TensorEntry& TensorTable::at(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) throw Error(fmt::format("tensor table: no tensor '{}'", name));
  return entries_[found->second];
}

Arena::Arena(TensorTable table)
    : table_(std::move(table)), memory_(static_cast<std::size_t>(table_.extent())) {
  if (memory_.size() == 0) return;
  memory_.fill_bytes(0);
  WB_CUDA_CHECK(cudaDeviceSynchronize());
}

void Arena::require_elements_of(const TensorEntry& entry, std::size_t bytes) {
  if (entry.element_bytes == bytes) return;
  throw Error(fmt::format("tensor '{}' has elements of {} bytes, but {} bytes were asked for", entry.name,
                          entry.element_bytes, bytes));
}

void Arena::zero(cudaStream_t stream) {
  memory_.fill_bytes(0, stream);
}

std::vector<float> Arena::download(std::string_view name) const {
  const TensorEntry& entry = table_.at(name);
  std::vector<float> host(static_cast<std::size_t>(entry.elements()));
  if (host.empty()) return host;
  if (entry.element_bytes == sizeof(bf16)) {
    std::vector<bf16> stored(host.size());
    WB_CUDA_CHECK(cudaMemcpy(stored.data(), memory_.data() + entry.offset, stored.size() * sizeof(bf16),
                             cudaMemcpyDeviceToHost));
    std::transform(stored.begin(), stored.end(), host.begin(), [](bf16 value) { return to_float(value); });
    return host;
  }
  WB_CUDA_CHECK(cudaMemcpy(host.data(), memory_.data() + entry.offset, host.size() * sizeof(float),
                           cudaMemcpyDeviceToHost));
  return host;
}

void Arena::upload(std::string_view name, std::span<const float> values) {
  const TensorEntry& entry = table_.at(name);
  require_elements_of(entry, sizeof(float));
  if (static_cast<std::int64_t>(values.size()) != entry.elements()) {
    throw Error(
        fmt::format("tensor '{}' has {} elements, but {} were given", name, entry.elements(), values.size()));
  }
  if (values.empty()) return;
  WB_CUDA_CHECK(
      cudaMemcpy(memory_.data() + entry.offset, values.data(), values.size_bytes(), cudaMemcpyHostToDevice));
}

}  // namespace wb
