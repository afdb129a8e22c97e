#include "common/harness/matcher.h"

#include <fmt/format.h>

#include <cmath>

#include "common/harness/diagnosis.h"
#include "common/harness/watched_call.h"

namespace wb {
namespace {

using detail::Comparison;

bool shape_fits(const Shape& shape, std::size_t size) {
  std::int64_t product = shape.dims.empty() ? -1 : 1;
  for (const std::int64_t dim : shape.dims) product *= dim;
  return product == static_cast<std::int64_t>(size);
}

std::string index_text(std::size_t flat, const Comparison& c) {
  if (!shape_fits(c.shape, c.size())) return fmt::format("[{}]", flat);
  std::string text;
  for (auto dim = c.shape.dims.rbegin(); dim != c.shape.dims.rend(); ++dim) {
    text = fmt::format("[{}]{}", flat % static_cast<std::size_t>(*dim), text);
    flat /= static_cast<std::size_t>(*dim);
  }
  return text;
}

std::string owner_text(std::size_t flat, const Shape& shape) {
  if (shape.threads_per_block <= 0) return "";
  const auto threads = static_cast<std::size_t>(shape.threads_per_block);
  return fmt::format(", block {}, thread {} of {}", flat / threads, flat % threads, threads);
}

// The sign of a NaN has no meaning.
std::string number_text(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.9g}", value);
}

Tolerance tolerance_at(std::size_t i, const Tolerance& tolerance, const Shape& shape) {
  return {tolerance.absolute + (shape.slack.empty() ? 0.0 : shape.slack[i]), tolerance.relative};
}

double allowed_at(std::size_t i, const Comparison& c) {
  const Tolerance tolerance = tolerance_at(i, c.tolerance, c.shape);
  return tolerance.absolute + tolerance.relative * std::fabs(c.expected[i]);
}

std::string element_text(const char* label, std::size_t i, const Comparison& c) {
  const double got = c.got[i], expected = c.expected[i];
  const double allowed = allowed_at(i, c);
  const double difference = std::fabs(got - expected);
  std::string got_text = number_text(got);
  if (detail::is_untouched(c.got[i])) got_text = "NaN, never written";
  return fmt::format(
      "\n  {} {}: got {}, expected {}{}{}", label, index_text(i, c), got_text, number_text(expected),
      std::isfinite(difference) ? fmt::format(", off by {:.3g}, allowed {:.3g}", difference, allowed) : "",
      owner_text(i, c.shape));
}

// How badly an element misses its tolerance; NaN and infinities are worse than any number.
double badness(std::size_t i, const Comparison& c) {
  const double ratio = std::fabs(static_cast<double>(c.got[i]) - c.expected[i]) / allowed_at(i, c);
  return std::isnan(ratio) ? INFINITY : ratio;
}

std::size_t worst_index(const Comparison& c) {
  std::size_t worst = c.wrong.front();
  double worst_badness = badness(worst, c);
  for (const std::size_t i : c.wrong) {
    const double candidate = badness(i, c);
    if (candidate > worst_badness) {
      worst = i;
      worst_badness = candidate;
    }
  }
  return worst;
}

}  // namespace

testing::AssertionResult matches(std::span<const float> got, std::span<const double> expected,
                                 const Tolerance& tolerance, const Shape& shape) {
  if (got.size() != expected.size()) {
    return testing::AssertionFailure()
           << fmt::format("got {} elements, but {} were expected", got.size(), expected.size());
  }
  if (!shape.slack.empty() && shape.slack.size() != got.size()) {
    return testing::AssertionFailure()
           << fmt::format("got {} elements, but slack for {}", got.size(), shape.slack.size());
  }
  detail::note_comparison(got.size());
  Comparison c{got, expected, tolerance, shape, {}};
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!detail::element_passes(got[i], expected[i], tolerance_at(i, tolerance, shape))) c.wrong.push_back(i);
  }
  if (c.wrong.empty()) return testing::AssertionSuccess();

  std::string text =
      fmt::format("{} of {} elements {} wrong (allowed: {:g} + {:g} * |expected|{})", c.wrong.size(),
                  c.size(), c.wrong.size() == 1 ? "is" : "are", tolerance.absolute, tolerance.relative,
                  shape.slack.empty() ? "" : " + the error of rounding in between");
  text += element_text("first", c.wrong.front(), c);
  const std::size_t worst = worst_index(c);
  if (worst != c.wrong.front()) text += element_text("worst", worst, c);
  if (const auto where = detail::diagnose_where(c)) text += "\n  where: " + *where;
  if (const auto what = detail::diagnose_what(c)) text += "\n  what:  " + *what;
  return testing::AssertionFailure() << text;
}

bool looks_like(std::span<const float> got, std::span<const double> suspect) {
  return bool(matches(got, suspect, {2e-5, 2e-5}));
}

std::vector<double> to_double(std::span<const float> values) {
  return {values.begin(), values.end()};
}

}  // namespace wb
