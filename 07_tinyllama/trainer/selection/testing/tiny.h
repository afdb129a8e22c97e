// A model small enough to measure all of its kernels in a moment, and where the tests' worker is.
#pragma once

#include <filesystem>

#include "07_tinyllama/trainer/selection/select.h"

namespace wb {

inline Setting tiny_setting() {
  Setting setting;
  setting.config = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 48, .v = 40, .b = 2, .t = 9};
  return setting;
}

inline std::filesystem::path test_worker() {
  return WB_SELECTION_WORKER;
}

/// One round of one call each: what the tests look at does not depend on times.
inline MeasureOptions quick() {
  MeasureOptions options = default_measure_options();
  options.rounds = 3;
  options.round_seconds = 1e-4;
  options.hopeless = options.give_up = 1e9;
  return options;
}

inline const Measured& result_of(const UnitReport& report, const std::string& implementation) {
  for (const Measured& one : report.measured) {
    if (one.implementation == implementation) return one;
  }
  throw Error(implementation + " is not in the report of " + report.unit);
}

inline std::size_t unit_index(const std::vector<Unit>& units, const std::string& name) {
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i].name == name) return i;
  }
  throw Error("no unit " + name);
}

}  // namespace wb
