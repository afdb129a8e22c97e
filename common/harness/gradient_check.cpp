#include "common/harness/gradient_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "common/core/rng.h"

namespace wb {
namespace {

// Seeded, so that a failure is the same in the next run.
std::vector<std::size_t> sample_coordinates(std::size_t n, std::size_t samples) {
  std::vector<std::size_t> coordinates(n);
  std::iota(coordinates.begin(), coordinates.end(), std::size_t{0});
  if (n <= samples) return coordinates;
  Rng rng(0x6772616431ULL);
  for (std::size_t i = 0; i < samples; ++i) std::swap(coordinates[i], coordinates[i + rng.below(n - i)]);
  coordinates.resize(samples);
  std::sort(coordinates.begin(), coordinates.end());
  return coordinates;
}

}  // namespace

testing::AssertionResult gradient_matches(const std::function<double(std::span<const double>)>& f,
                                          std::span<const double> x, std::span<const double> analytic,
                                          const Tolerance& tolerance, double step, std::size_t samples) {
  if (x.size() != analytic.size()) {
    return testing::AssertionFailure()
           << fmt::format("the gradient has {} elements, but x has {}", analytic.size(), x.size());
  }
  if (x.empty() || samples == 0) return testing::AssertionFailure() << "no coordinate to check";

  std::vector<double> point(x.begin(), x.end());
  const std::vector<std::size_t> coordinates = sample_coordinates(x.size(), samples);
  std::size_t wrong = 0;
  std::string first;
  for (const std::size_t i : coordinates) {
    // The step grows with x. Take the rounded difference x + h - x, which is the real step.
    const double h = step * std::max(1.0, std::fabs(x[i]));
    point[i] = x[i] + h;
    const double right = f(point), right_x = point[i];
    point[i] = x[i] - h;
    const double left = f(point), left_x = point[i];
    point[i] = x[i];
    const double numeric = (right - left) / (right_x - left_x);
    const double difference = std::fabs(analytic[i] - numeric);
    if (difference <= tolerance.absolute + tolerance.relative * std::fabs(numeric)) continue;
    if (wrong++ == 0) {
      first = fmt::format("first at [{}]: analytic {:.9g}, central difference {:.9g}, off by {:.3g}", i,
                          analytic[i], numeric, difference);
    }
  }
  if (wrong == 0) return testing::AssertionSuccess();
  return testing::AssertionFailure() << fmt::format(
             "{} of {} checked coordinates have a wrong gradient (tolerance {:g} + {:g} * |difference "
             "quotient|)\n  {}",
             wrong, coordinates.size(), tolerance.absolute, tolerance.relative, first);
}

}  // namespace wb
