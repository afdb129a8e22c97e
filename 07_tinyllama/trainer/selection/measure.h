// Checks and times every implementation of a unit, in this process. supervisor.h does it in another one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/selection/problem.h"
#include "07_tinyllama/trainer/selection/report.h"
#include "common/core/error.h"

namespace wb {

struct MeasureOptions {
  int rounds = 7;               // each times every correct implementation once, in rotated order
  double round_seconds = 5e-4;  // of calls between two events, at least one call
  double hopeless = 4.0;        // this many times slower than the fastest in two calls: not timed again
  double give_up = 20.0;        // this many times slower: not measured at further shapes either
  std::uint64_t seed = 20261126;
  bool graph = false;  // times the launch of a CUDA graph of the calls, where the device has graphs
};
/// Fewer rounds on the CPU device, where a call takes milliseconds.
MeasureOptions default_measure_options();

/// An implementation left the device unusable: this process can compute nothing more.
class DeviceLost : public Error {
 public:
  DeviceLost(std::string implementation, const std::string& message)
      : Error(message), implementation_(std::move(implementation)) {}
  const std::string& implementation() const { return implementation_; }

 private:
  std::string implementation_;
};

/// Measures. `known`: implementations whose verdict is settled, which are not called; they are listed with
/// the rest. working(name) is called before an implementation is. Errors: DeviceLost; what the reference
/// throws.
UnitReport measure_unit(const Unit& unit, const std::vector<Measured>& known, const MeasureOptions& options,
                        const std::function<void(const std::string&)>& working = {});

/// "N 1024, C 512", or "15 shapes".
std::string shape_of(const Unit& unit);
/// The implementations of all problems, sorted.
std::vector<std::string> names_of(const Unit& unit);

}  // namespace wb
