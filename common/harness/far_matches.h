// The comparison of what lies past element 2^31.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>

#include "common/harness/matcher.h"

namespace wb {

/// As matches(), without its guess at the cause. Only the end of an array is compared, and there a result
/// often looks as if nothing had been stored, because it was stored elsewhere.
inline testing::AssertionResult far_matches(std::span<const float> got, std::span<const double> expected,
                                            const Tolerance& tolerance) {
  const testing::AssertionResult result = matches(got, expected, tolerance);
  if (result) return result;
  std::string text = result.message();
  for (const char* guess : {"\n  what:", "\n  where:"}) {
    const std::size_t begin = text.find(guess);
    if (begin != std::string::npos) text.erase(begin, text.find('\n', begin + 1) - begin);
  }
  return testing::AssertionFailure() << text;
}

}  // namespace wb
