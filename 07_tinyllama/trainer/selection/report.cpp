#include "07_tinyllama/trainer/selection/report.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "common/core/error.h"

namespace wb {
namespace {

constexpr std::array<std::string_view, 7> kVerdicts = {
    "correct", "wrong", "does not support it", "failed", "crashed", "hung", "too slow"};

Verdict parse_verdict(const std::string& name) {
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    if (kVerdicts[i] == name) return static_cast<Verdict>(i);
  }
  throw Error(fmt::format("kernel selection: no verdict '{}'", name));
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  return kVerdicts[static_cast<std::size_t>(verdict)];
}

double Measured::seconds() const {
  return std::accumulate(phase_seconds.begin(), phase_seconds.end(), 0.0);
}

std::string fastest_correct(const std::vector<Measured>& measured) {
  const Measured* best = nullptr;
  for (const Measured& one : measured) {
    const double seconds = one.seconds();
    if (one.verdict != Verdict::kCorrect || !(seconds > 0.0) || !std::isfinite(seconds)) continue;
    const bool wins = best == nullptr || seconds < best->seconds() ||
                      (seconds == best->seconds() && one.implementation == "solution");
    if (wins) best = &one;
  }
  return best == nullptr ? std::string() : best->implementation;
}

std::string request_of(const std::vector<UnitReport>& units) {
  std::string request;
  for (const UnitReport& unit : units) {
    if (unit.chosen.empty()) continue;
    for (const std::string& target : unit.requests) {
      request += fmt::format("{}{}={}", request.empty() ? "" : ",", target, unit.chosen);
    }
  }
  return request;
}

void to_json(nlohmann::json& json, const UnitReport& unit) {
  json = {{"unit", unit.unit},   {"contracts", unit.contracts}, {"requests", unit.requests},
          {"shape", unit.shape}, {"chosen", unit.chosen},       {"measured", nlohmann::json::array()}};
  for (const Measured& one : unit.measured) {
    // JSON has no infinity: an error that is not finite is written as null.
    json["measured"].push_back({{"implementation", one.implementation},
                                {"verdict", name_of(one.verdict)},
                                {"message", one.message},
                                {"worst_error", one.worst},
                                {"phase_seconds", one.phase_seconds}});
  }
}

void from_json(const nlohmann::json& json, UnitReport& unit) {
  json.at("unit").get_to(unit.unit);
  json.at("contracts").get_to(unit.contracts);
  json.at("requests").get_to(unit.requests);
  json.at("shape").get_to(unit.shape);
  json.at("chosen").get_to(unit.chosen);
  unit.measured.clear();
  for (const nlohmann::json& entry : json.at("measured")) {
    Measured one;
    entry.at("implementation").get_to(one.implementation);
    one.verdict = parse_verdict(entry.at("verdict").get<std::string>());
    entry.at("message").get_to(one.message);
    one.worst = entry.at("worst_error").is_null() ? INFINITY : entry.at("worst_error").get<double>();
    entry.at("phase_seconds").get_to(one.phase_seconds);
    unit.measured.push_back(std::move(one));
  }
}

}  // namespace wb
