#include "07_tinyllama/trainer/selection/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace wb {
namespace {

// 12.3 us, 4.56 ms: three digits.
std::string time_text(double seconds) {
  if (seconds < 999.5e-6) return fmt::format("{:.3g} us", 1e6 * seconds);
  if (seconds < 0.9995) return fmt::format("{:.3g} ms", 1e3 * seconds);
  return fmt::format("{:.3g} s", seconds);
}

double seconds_of(const UnitReport& unit, const std::string& implementation) {
  for (const Measured& one : unit.measured) {
    if (one.implementation == implementation) return one.seconds();
  }
  return 0.0;
}

std::string outcome_of(const Measured& one, const UnitReport& unit, double fastest) {
  if (one.verdict != Verdict::kCorrect) return fmt::format("{}: {}", name_of(one.verdict), one.message);
  if (one.implementation == unit.chosen) return "fastest, taken";
  return fmt::format("{:.2f} times as long", one.seconds() / fastest);
}

}  // namespace

std::string table(const std::vector<UnitReport>& units) {
  // A cell in each column; the last column is as wide as its text.
  std::vector<std::array<std::string, 5>> rows = {
      {"operation", "shape", "implementation", "a step", "outcome"}};
  for (const UnitReport& unit : units) {
    std::vector<Measured> sorted = unit.measured;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Measured& x, const Measured& y) {
      const bool x_counts = x.verdict == Verdict::kCorrect, y_counts = y.verdict == Verdict::kCorrect;
      return x_counts != y_counts ? x_counts : x.seconds() < y.seconds();
    });
    const double fastest = seconds_of(unit, unit.chosen);
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const Measured& one = sorted[i];
      const std::string time = one.verdict == Verdict::kCorrect ? time_text(one.seconds()) : "-";
      rows.push_back({i == 0 ? unit.unit : "", i == 0 ? unit.shape : "", one.implementation, time,
                      outcome_of(one, unit, fastest)});
    }
  }
  std::array<std::size_t, 4> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < width.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    text += fmt::format("{}{:<{}}  {:<{}}  {:<{}}  {:>{}}  {}", text.empty() ? "" : "\n", row[0], width[0],
                        row[1], width[1], row[2], width[2], row[3], width[3], row[4]);
  }
  return text;
}

}  // namespace wb
