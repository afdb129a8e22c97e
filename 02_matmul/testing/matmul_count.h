// What one number of a product tells about the part of K that it counted.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace wb {

// What each 16 steps of K added to one output, if A is all ones and row p of B holds 17^(p / 16): the digits
// of the output to base 17. `expected` is the same for a right product.
inline std::string explain_count(float got, const std::vector<int>& expected) {
  const std::string tail =
      " One thread uses what others have loaded: does the block wait, __syncthreads(), before the tiles are "
      "used and again before they are overwritten?";
  std::vector<int> digits;
  std::string list;
  double rest = got;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    digits.push_back(static_cast<int>(std::fmod(rest, 17.0)));
    rest = std::floor(rest / 17.0);
    list += (i == 0 ? "" : ", ") + std::to_string(digits.back());
  }
  if (!(got >= 0) || got != std::floor(got) || rest != 0)
    return "That is no sum of these products: values from outside A or B, or from a tile that was not loaded "
           "yet." +
           tail;
  const std::string counts = "K has steps of 16, 16, 16 and 8 here; this output counted " + list + ".";
  if (std::equal(digits.begin(), digits.end() - 1, expected.begin())) {
    return counts + (digits.back() < expected.back()
                         ? " The last tile of K is not full, and is left out: round the number of steps up"
                         : " Past the end of K something was added: fill the tiles with zeros there");
  }
  return counts + tail;
}

}  // namespace wb
