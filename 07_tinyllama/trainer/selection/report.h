// What was measured and what follows from it. Plain data, and pure functions over it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace wb {

enum class Verdict {
  kCorrect,
  kWrong,        // an output differs from the reference, or memory was damaged
  kUnsupported,  // its launcher refuses this shape
  kFailed,       // threw something else, or left an error on the device
  kCrashed,      // took its process down
  kHung,         // gave no answer in time
  kSlow,         // right, but so much slower than the fastest that it was not measured to the end
};
std::string_view name_of(Verdict verdict);

/// One implementation of a unit, over all problems of the unit.
struct Measured {
  std::string implementation;
  Verdict verdict = Verdict::kCorrect;
  std::string message;  // of a verdict other than kCorrect: what happened, where, by how much
  double worst = 0.0;   // the largest error of check_kernels.h that was met
  std::vector<double>
      phase_seconds;       // of a training step: calls x median, summed over problems; one per phase
  double seconds() const;  // of a training step
};

struct UnitReport {
  std::string unit;
  std::vector<std::string> contracts;  // the phases
  std::vector<std::string> requests;   // what select_kernels is asked for
  std::string shape;                   // "N 1024, C 512", or "15 shapes"
  std::vector<Measured> measured;      // in the order of names
  std::string chosen;                  // empty: nothing here is correct
};

/// The implementation that is correct and takes the least time; of two with the same time `solution`, else
/// the first in the order of names. Empty when none is correct. A time that is not a number above 0 is never
/// chosen.
std::string fastest_correct(const std::vector<Measured>& measured);

/// "matmul=library,rmsnorm_forward=solution,...": for select_kernels. Units without a choice are left out.
std::string request_of(const std::vector<UnitReport>& units);

void to_json(nlohmann::json& json, const UnitReport& unit);
/// Errors: nlohmann's, of a document of another form.
void from_json(const nlohmann::json& json, UnitReport& unit);

}  // namespace wb
