// The prefix sum by its definition, inputs for it, and what a wrong one looks like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/rng.h"

namespace wb {

inline std::vector<std::int64_t> scan_oracle(const std::vector<int>& x) {
  std::vector<std::int64_t> out(x.size());
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) out[i] = sum += x[i];
  return out;
}

/// n random numbers from -100 to 100.
inline std::vector<int> random_steps(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<int> x(n);
  for (int& value : x) value = static_cast<int>(rng.uniform(0.0, 201.0)) - 100;
  return x;
}

/// What a wrong result proves about its kernel, in a sentence; "" where nothing.
inline std::string explain_scan(const std::vector<int>& got, const std::vector<std::int64_t>& expected) {
  std::size_t first = 0;
  while (first < got.size() && got[first] == expected[first]) ++first;
  if (first == got.size()) return "";
  // Exclusive sums are those of the element before.
  bool is_exclusive = got.size() > 1 && got[0] == 0;
  for (std::size_t i = 1; i < got.size(); ++i) is_exclusive &= got[i] == expected[i - 1];
  if (is_exclusive)
    return "result i is the sum before element i: an exclusive scan, and x[i] itself is missing";
  if (first == 0) return "";
  const std::int64_t before = expected[first - 1];
  const std::int64_t off = got[first] - expected[first];
  const std::string place = "element " + std::to_string(first);
  if (off == -before) return "the sum begins again at " + place + ": what comes before it is not added";
  if (off == before) return "what comes before " + place + " is added twice";
  return "";
}

}  // namespace wb
