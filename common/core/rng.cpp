#include "common/core/rng.h"

#include <cmath>
#include <numbers>

#include "common/core/parallel_ranges.h"

namespace wb {
namespace {

constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;     // of the state, from one number to the next
constexpr std::size_t kLeastRange = std::size_t{1} << 21;  // numbers, for which a thread is worth its start

}  // namespace

void Rng::skip(std::uint64_t count) {
  state_ += count * kStep;
}

std::uint64_t Rng::next() {
  state_ += kStep;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double Rng::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Rng::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  // 1 - u lies in (0, 1]: the logarithm stays finite.
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  const double angle = 2.0 * std::numbers::pi * uniform();
  spare_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

std::uint64_t Rng::below(std::uint64_t bound) {
  return static_cast<std::uint64_t>(uniform() * static_cast<double>(bound));
}

std::vector<float> random_uniform(std::size_t n, std::uint64_t seed, float low, float high) {
  std::vector<float> values(n);
  parallel_ranges(n, kLeastRange, [&](std::size_t begin, std::size_t end) {
    Rng rng(seed);
    rng.skip(begin);
    for (std::size_t i = begin; i < end; ++i) values[i] = static_cast<float>(rng.uniform(low, high));
  });
  return values;
}

std::vector<float> random_normal(std::size_t n, std::uint64_t seed, float mean, float std) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& value : values) value = static_cast<float>(mean + std * rng.normal());
  return values;
}

std::vector<int> random_below(std::size_t n, std::uint64_t seed, int bound) {
  Rng rng(seed);
  std::vector<int> values(n);
  for (int& value : values) value = static_cast<int>(rng.below(static_cast<std::uint64_t>(bound)));
  return values;
}

}  // namespace wb
