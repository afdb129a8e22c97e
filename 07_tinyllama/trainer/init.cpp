#include "07_tinyllama/trainer/init.h"

#include <atomic>
#include <thread>
#include <vector>

#include "common/core/rng.h"

namespace wb {
namespace {

constexpr float kStd = 0.02f;
constexpr float kBrokenEmbeddingStd = 1.0f;

// A tensor's values depend on the seed and its place in the table alone, so tensors can be made in any order.
std::vector<float> initial_values(const TensorEntry& entry, std::size_t place, Init init,
                                  std::uint64_t seed) {
  const auto count = static_cast<std::size_t>(entry.elements());
  if (entry.shape.size() == 1) return std::vector<float>(count, 1.0f);  // a norm weight
  const bool broken = init == Init::kBroken && entry.name == "model.embed_tokens.weight";
  return random_normal(count, Rng(seed).next() + place, 0.0f, broken ? kBrokenEmbeddingStd : kStd);
}

}  // namespace

std::string_view name_of(Init init) {
  return init == Init::kBroken ? "broken" : "fixed";
}

void initialize(Arena& parameters, Init init, std::uint64_t seed) {
  // A billion normal numbers take one core half a minute: let every core take the next tensor.
  const std::vector<TensorEntry>& entries = parameters.table().entries();
  std::vector<std::vector<float>> values(entries.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < entries.size(); i = next++)
      values[i] = initial_values(entries[i], i, init, seed);
  };
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) threads.emplace_back(work);
    work();
  }
  for (std::size_t i = 0; i < entries.size(); ++i) parameters.upload(entries[i].name, values[i]);
}

}  // namespace wb
