// One measurement, and what is computed from it. Only CaseTimer and measure_roofs use the device.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/harness/bench.h"

namespace wb::detail {

/// Seconds of one call: quartiles of the samples.
struct Timing {
  double median = 0;
  double lower_quartile = 0;
  double upper_quartile = 0;
  double minimum = 0;
  double maximum = 0;
  std::size_t samples = 0;

  /// Distance of the quartiles, relative to the median: 0.01 means that half of the samples lie within 1%.
  double spread() const { return (upper_quartile - lower_quartile) / median; }
};
Timing summarize(std::vector<double> seconds);

/// Limits that no implementation can exceed. 0 means unknown: then nothing is derived or refused.
struct Roofs {
  double bytes_per_second = 0;  // device-to-device copy, measured in this run: bytes read plus written
  double fp32_flops = 0;        // data sheet: units * 2 * clock
  double bf16_flops = 0;        // tensor cores: a large product of the vendor library, measured in this run
};

/// A kernel that mostly reads may be faster than the copy, which writes half of its bytes: memory changes
/// less often between reading and writing.
inline constexpr double kRoofMargin = 1.15;

/// The reason why this time cannot be true; empty if it can.
std::optional<std::string> above_roof(const Work& work, double seconds, const Roofs& roofs);

/// The fraction of the roof that limits this work: the larger of those of memory and of arithmetic. Empty
/// without roofs, or if tensor cores may multiply and their roof is not known.
std::optional<double> fraction_of_roof(const Work& work, double seconds, const Roofs& roofs);

/// The number of buffer sets to rotate over, so that together they are three times as large as the cache.
std::size_t buffer_sets(std::size_t buffer_bytes, std::size_t cache_bytes);

enum class Outcome { kOk, kWrong, kAboveRoof, kError, kSkipped };

struct Measurement {
  BenchmarkCase which;
  Outcome outcome = Outcome::kOk;
  std::string message;  // of an outcome other than kOk
  Timing timing;
  std::size_t sets = 0;
  std::size_t batch = 0;  // calls between two events
};

/// Measures a copy. `tensor_cores`: measure their roof as well, which needs a library and some memory.
Roofs measure_roofs(bool tensor_cores);

/// Takes samples of a case. The constructor allocates, checks and warms up. Call sample() any number of
/// times, then finish(), which takes the last sample and checks its outputs.
class CaseTimer {
 public:
  CaseTimer(const BenchmarkCase& which, const Roofs& roofs);
  ~CaseTimer();
  /// False if the implementation is wrong or failed; finish() then returns the reason.
  bool ready() const { return result_.outcome == Outcome::kOk; }
  /// Seconds of one batch of calls.
  double sample();
  Measurement finish();

 private:
  template <class Step>
  void guarded(Step step);
  double time_batch(std::size_t calls);

  Roofs roofs_;
  Measurement result_;
  std::unique_ptr<BenchmarkSession> session_;
  cudaEvent_t start_ = nullptr, stop_ = nullptr;
  std::size_t next_set_ = 0, last_set_ = 0;
  std::vector<double> seconds_;
};

}  // namespace wb::detail
