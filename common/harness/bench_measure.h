// One measurement and what follows from it. Pure arithmetic apart from measure_case and measure_roofs.
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

  /// Distance of the quartiles, relative to the median: 0.01 reads "half of the samples lie within 1%".
  double spread() const { return (upper_quartile - lower_quartile) / median; }
};
Timing summarise(std::vector<double> seconds);

/// What no implementation can beat. 0 means unknown: nothing is derived or refused then.
struct Roofs {
  double bytes_per_second = 0;  // device-to-device copy, measured in this run: bytes read plus written
  double fp32_flops = 0;        // data sheet: units * 2 * clock
  double bf16_flops = 0;        // tensor cores: a large product of the vendor library, measured in this run
};

/// A read-mostly kernel may beat the copy, which writes half of its bytes: memory turns round less often.
inline constexpr double kRoofMargin = 1.15;

/// Why this time cannot be true, or nothing.
std::optional<std::string> above_roof(const Work& work, double seconds, const Roofs& roofs);

/// The share of the roof that binds this work: the larger one of memory and arithmetic. Nothing without
/// roofs, or where tensor cores multiply and their roof is not known.
std::optional<double> fraction_of_roof(const Work& work, double seconds, const Roofs& roofs);

/// Buffer sets to rotate over, so that together they are three times the cache.
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

/// `tensor_cores`: whether their roof is wanted as well; it takes a library and some memory to measure.
Roofs measure_roofs(bool tensor_cores);

/// Takes samples of a case: construct (allocates, checks, warms up), sample() as often as wanted, finish(),
/// which takes the last sample and checks what it left.
class CaseTimer {
 public:
  CaseTimer(const BenchmarkCase& which, const Roofs& roofs);
  ~CaseTimer();
  /// False when the implementation is wrong or failed: finish() says why.
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
