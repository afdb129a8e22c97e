// The transpose by its definition, and what a wrong one looks like.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/harness/sizes.h"

namespace wb {

inline std::vector<double> transpose_oracle(const std::vector<float>& in, int rows, int columns) {
  std::vector<double> out(in.size());
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column)
      out[area(column, rows) + static_cast<std::size_t>(row)] =
          static_cast<double>(in[area(row, columns) + static_cast<std::size_t>(column)]);
  }
  return out;
}

/// What a wrong result proves about its kernel, in a sentence; "" where nothing.
inline std::string explain_transpose(std::span<const float> got, const std::vector<float>& in, int rows,
                                     int columns) {
  constexpr std::size_t kTile = 32;
  const auto height = static_cast<std::size_t>(rows), width = static_cast<std::size_t>(columns);
  // Where a suspect writes element (row, column); an index past the end is written nowhere.
  using Place = std::function<std::size_t(std::size_t row, std::size_t column)>;
  const auto within = [&](std::size_t out_row, std::size_t out_column) {
    return out_row < width && out_column < height ? out_row * height + out_column : in.size();
  };
  const std::pair<Place, const char*> suspects[] = {
      {[&](auto r, auto c) { return c * height + r; }, ""},
      {[&](auto r, auto c) { return r * width + c; }, "this is a copy of `in`, not its transpose"},
      {[&](auto r, auto c) { return within(c / kTile * kTile + r % kTile, r / kTile * kTile + c % kTile); },
       "every tile is in its place, and none is turned: a thread reads tile[y][x] and must read tile[x][y]"},
      {[&](auto r, auto c) { return within(r / kTile * kTile + c % kTile, c / kTile * kTile + r % kTile); },
       "every tile is turned, but stays where it was in `in`: exchange the row and the column of the block "
       "too"},
      {[&](auto r, auto c) { return c * width + r; },
       "rows of the result begin at multiples of `columns`: they have `rows` elements"},
  };
  for (const auto& [place, words] : suspects) {
    std::size_t written = 0, equal = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::size_t at = place(i / width, i % width);
      if (at >= got.size()) continue;
      ++written;
      equal += got[at] == in[i];
    }
    if (2 * written > in.size() && 10 * equal >= 9 * written) return words;
  }
  return "";
}

}  // namespace wb
