#include <cmath>
#include <cstddef>

#include "05_rmsnorm_rope/rope.h"
#include "common/core/check.h"

namespace wb {

RopeTable make_rope_table(int t, int d, double base) {
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(d >= 2 && d % 2 == 0, d);
  WB_REQUIRE(base > 0.0, base);
  const int pairs = d / 2;
  RopeTable table;
  table.cosine.reserve(static_cast<std::size_t>(t) * static_cast<std::size_t>(pairs));
  table.sine.reserve(table.cosine.capacity());
  std::vector<double> frequencies;
  for (int i = 0; i < pairs; ++i) frequencies.push_back(std::pow(base, -2.0 * i / d));
  // Angles grow to t radians: in float, position 100,000 would know them to no better than 0.004.
  for (int position = 0; position < t; ++position) {
    for (const double frequency : frequencies) {
      const double angle = position * frequency;
      table.cosine.push_back(static_cast<float>(std::cos(angle)));
      table.sine.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  return table;
}

}  // namespace wb
