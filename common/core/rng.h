// Seeded random numbers that are the same on every machine and compiler (std::normal_distribution is not).
#pragma once

#include <cstdint>
#include <vector>

namespace wb {

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): one 64-bit state, full period, passes BigCrush.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Skips `count` numbers of next().
  void skip(std::uint64_t count);
  /// Uniform in [0, 1), 53 random bits.
  double uniform();
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Standard normal by Box-Muller.
  double normal();
  /// Uniform integer in [0, bound); bound >= 1.
  std::uint64_t below(std::uint64_t bound);

 private:
  std::uint64_t state_;
  double spare_ = 0.0;
  bool has_spare_ = false;
};

/// n values from U(low, high).
std::vector<float> random_uniform(std::size_t n, std::uint64_t seed, float low = -1.0f, float high = 1.0f);
/// n values from N(mean, std).
std::vector<float> random_normal(std::size_t n, std::uint64_t seed, float mean = 0.0f, float std = 1.0f);
/// n integers from [0, bound).
std::vector<int> random_below(std::size_t n, std::uint64_t seed, int bound);

}  // namespace wb
