// The prefix sum by its definition, inputs for it, and what a wrong one looks like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "common/core/rng.h"
#include "common/harness/guarded_buffer.h"

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

/// The results as the matcher takes them. An int that nobody has written holds -1: where all wrong elements
/// do, they become what a float holds that nobody has written.
inline std::vector<float> scan_as_floats(const std::vector<int>& got,
                                         const std::vector<std::int64_t>& expected) {
  bool is_unwritten = true;
  for (std::size_t i = 0; i < got.size(); ++i) is_unwritten &= got[i] == expected[i] || got[i] == -1;
  std::vector<float> floats(got.begin(), got.end());
  for (std::size_t i = 0; is_unwritten && i < got.size(); ++i) {
    if (got[i] != expected[i]) std::memcpy(&floats[i], &detail::kPoisonWord, sizeof(float));
  }
  return floats;
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
