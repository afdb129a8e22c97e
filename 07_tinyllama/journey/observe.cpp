#include "07_tinyllama/journey/observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wb {
namespace {

// Differences below this are not worth a word.
constexpr double kNoise = 0.1;

// A cause that explains less than this share of a difference is not the cause.
constexpr double kMostOfIt = 0.5;

std::string percent(double share) {
  return share < 0.01 ? fmt::format("{:.1f}%", 100.0 * share) : fmt::format("{:.0f}%", 100.0 * share);
}

// How many times faster the one is than the other, and how far to doubt it.
struct Ratio {
  double value = 1.0;
  double noise = kNoise;
};

// The median over the rounds of the ratio within a round: what disturbs a round disturbs both alike. Its
// doubt is the standard error of a median, from the quartiles.
Ratio ratio_of(const StageResult& result, const StageResult& other) {
  const std::size_t rounds = result.round_ms.size();
  if (rounds < 3 || other.round_ms.size() != rounds) return {other.step_ms / result.step_ms, kNoise};
  std::vector<double> ratios;
  for (std::size_t i = 0; i < rounds; ++i) ratios.push_back(other.round_ms[i] / result.round_ms[i]);
  const double middle = median(ratios);
  std::sort(ratios.begin(), ratios.end());
  const double quartiles = (ratios[3 * (rounds - 1) / 4] - ratios[(rounds - 1) / 4]) / middle;
  return {middle, std::max(kNoise, 2.0 * 0.93 * quartiles / std::sqrt(static_cast<double>(rounds)))};
}

// "3.2 times faster than", "1.5 times slower than" or kAsFast.
constexpr std::string_view kAsFast = "as fast as";
std::string compared(const StageResult& result, const StageResult& other) {
  const auto [ratio, noise] = ratio_of(result, other);
  if (std::abs(ratio - 1.0) < noise) return std::string(kAsFast);
  return ratio > 1.0 ? fmt::format("{:.1f} times faster than", ratio)
                     : fmt::format("{:.1f} times slower than", 1.0 / ratio);
}

std::string about_v1(const StageResult& result) {
  std::string text = fmt::format("the yardstick: {:.3g} samples/s", result.samples_per_second);
  if (!result.profile || result.profile->totals.empty()) return text;
  const double share = result.profile->attention_ms / result.profile->kernel_ms;
  return text +
         fmt::format("; attention, its scores written to memory, is {} of the kernels' time", percent(share));
}

std::string about_loss(const StageResult& result, double uniform_loss) {
  const double ratio = result.losses.front() / uniform_loss;
  if (!std::isfinite(ratio)) return "the loss is not a finite number from the first step on";
  const std::string start = fmt::format("the loss starts at {:.1f}, {:.1f} times ln V = {:.2f}",
                                        result.losses.front(), ratio, uniform_loss);
  if (ratio < 1.5) return start + ": about a uniform guess, as it should be";
  return start + ": worse than a guess, before any training, so look at how the parameters start";
}

std::string about_attention(const StageResult& result, const StageResult* contiguous) {
  std::string text = fmt::format("the loss starts at {:.2f}", result.losses.front());
  if (!result.profile || result.profile->kernel_ms <= 0.0) return text;
  text += fmt::format("; attention takes {:.2f} ms of each step, {} of the kernels' time",
                      result.profile->attention_ms,
                      percent(result.profile->attention_ms / result.profile->kernel_ms));
  if (contiguous == nullptr || !contiguous->profile || contiguous->profile->attention_ms <= 0.0) return text;
  const double ratio = result.profile->attention_ms / contiguous->profile->attention_ms;
  text += ratio > 1.0
              ? fmt::format(", {:.1f} times what it takes on contiguous keys and values", ratio)
              : fmt::format(", {:.2f} times what it takes on contiguous ones: the strides cost nothing here",
                            ratio);
  return text;
}

std::string about_phases(const StageResult& result) {
  const double hidden = result.step_ms - result.phases.sum();
  std::string text =
      fmt::format("the timer's phases add up to {} of the true step", percent(result.phase_share));
  if (result.phase_share < 1.0 - kNoise) {
    text += fmt::format(": it cannot see {:.2f} ms, and the line that reads the loss waits {:.2f} ms", hidden,
                        result.loss_read_ms);
  }
  return text;
}

// Whether the keys' and values' layout is why the steps differ: what attention takes less, and the copies
// more, against the whole difference. Nothing where there is none to explain.
std::string about_gap(const StageResult& result, const StageResult& strided) {
  const double gap = strided.step_ms - result.step_ms;
  if (!result.profile || !strided.profile || std::abs(gap) < kNoise * strided.step_ms) return "";
  const double saved = strided.profile->attention_ms - result.profile->attention_ms;
  const double copied = result.profile->repeat_kv_ms - strided.profile->repeat_kv_ms;
  const double share = (saved - copied) / gap;
  const std::string change = fmt::format("attention takes {:.2f} ms {} and repeat_kv {:.2f} ms more",
                                         std::abs(saved), saved < 0.0 ? "more" : "less", copied);
  if (share >= kMostOfIt) {
    return fmt::format(", since {}: {} of the {:.2f} ms between the steps", change,
                       share > 1.0 ? "all" : percent(share), gap);
  }
  return fmt::format(
      ", but {}, which cannot explain the {:.2f} ms between the steps: compare the two profiles to find what "
      "does, or measure again, for the machine may have been busy",
      change, std::abs(gap));
}

std::string about_false_timing(const StageResult& result, const StageResult* strided) {
  if (strided == nullptr) return about_phases(result);
  return fmt::format("the step is {} stage 2's{}; {}", compared(result, *strided),
                     about_gap(result, *strided), about_phases(result));
}

// Milliseconds of a step in kernels whose name holds `part`.
double kernels_ms(const StageProfile& profile, std::string_view part) {
  double total = 0.0;
  for (const KernelTotal& kernel : profile.totals) {
    if (kernel.name.find(part) != std::string::npos) total += kernel.total_ms;
  }
  return profile.steps > 0 ? total / profile.steps : 0.0;
}

bool is_profiled(const StageResult* result) {
  return result != nullptr && result->profile && !result->profile->totals.empty();
}

std::string about_true_timing(const StageResult& result, const StageResult* unsynchronised) {
  std::string text = about_phases(result);
  if (unsynchronised != nullptr) {
    const std::string ratio = compared(result, *unsynchronised);
    text += fmt::format("; the step is {} stage 3's", ratio);
    if (ratio != kAsFast) text += ", by the same kernels: the waiting costs that, or the machine was busy";
  }
  if (!is_profiled(&result)) return text;
  const StageProfile& profile = *result.profile;
  return text + fmt::format("; the SwiGLU kernels take {} of the kernels' time and attention {}",
                            percent(kernels_ms(profile, "swiglu") / profile.kernel_ms),
                            percent(profile.attention_ms / profile.kernel_ms));
}

// What the naive SwiGLU cost. Attention is the same, and what it takes shows how much is left to gain there.
std::string about_change(const StageProfile& before, const StageProfile& after) {
  return fmt::format(
      ": SwiGLU's own kernels took {:.2f} ms, and products of the library do that work now; attention, which "
      "is the same, takes {:.2f} ms",
      kernels_ms(before, "swiglu"), after.attention_ms);
}

std::string about_longest(const StageResult& result) {
  if (!is_profiled(&result)) return "";
  const KernelTotal& first = result.profile->totals.front();
  return fmt::format("; what takes longest now is {}, {:.0f}% of the kernels' time", first.name,
                     first.percent);
}

std::string about_hybrid(const StageResult& result, const StageResult* naive, const StageResult* v1) {
  std::string text = "the step";
  if (naive != nullptr) text += fmt::format(" is {} stage 4's", compared(result, *naive));
  if (v1 != nullptr) {
    text += fmt::format("{} {} V1's", naive == nullptr ? " is" : " and", compared(result, *v1));
  }
  if (naive == nullptr && v1 == nullptr) text += fmt::format(" takes {:.2f} ms", result.step_ms);
  if (is_profiled(naive) && is_profiled(&result)) text += about_change(*naive->profile, *result.profile);
  return text + about_longest(result);
}

std::string about_fused(const StageResult& result, const StageResult* v1) {
  if (v1 == nullptr) return fmt::format("the step takes {:.2f} ms", result.step_ms);
  std::string text = fmt::format("the step is {} V1's", compared(result, *v1));
  if (!is_profiled(&result) || !is_profiled(v1)) return text;
  return text + fmt::format(": norms and SiLU are fused, which leaves {:.0f} of its {:.0f} kernels",
                            result.profile->launches_per_step, v1->profile->launches_per_step);
}

std::string about_best(const StageResult& result, const StageResult* hybrid) {
  std::string text = fmt::format("attention is {}, the fastest here", result.attention);
  if (hybrid == nullptr) return text + fmt::format("; the step takes {:.2f} ms", result.step_ms);
  if (result.attention == hybrid->attention) {
    return text + ", which is stage 5's as well: there is nothing faster to take yet";
  }
  return text + fmt::format(" where stage 5 has {}; the step is {} stage 5's", hybrid->attention,
                            compared(result, *hybrid));
}

std::string about_coverage(const GradientCoverage& coverage) {
  if (coverage.covered_tensors == coverage.tensors) return "";
  return fmt::format("; ONLY {} OF {} PARAMETER TENSORS RECEIVED A GRADIENT", coverage.covered_tensors,
                     coverage.tensors);
}

}  // namespace

const StageResult* find_result(const std::vector<StageResult>& results, std::string_view key) {
  for (const StageResult& result : results) {
    if (result.stage.key == key) return &result;
  }
  return nullptr;
}

std::optional<double> speedup_over_v1(const std::vector<StageResult>& results, const StageResult& result) {
  const StageResult* v1 = find_result(results, "v1");
  if (v1 == nullptr) return std::nullopt;
  return result.samples_per_second / v1->samples_per_second;
}

std::string observation(const std::vector<StageResult>& results, const StageResult& result,
                        double uniform_loss) {
  const std::string_view key = result.stage.key;
  std::string text;
  if (key == "v1") text = about_v1(result);
  if (key == "v2") text = about_fused(result, find_result(results, "v1"));
  if (key == "v4") text = about_best(result, find_result(results, "5"));
  if (key == "1") text = about_loss(result, uniform_loss);
  if (key == "2") text = about_attention(result, find_result(results, "3"));
  if (key == "3") text = about_false_timing(result, find_result(results, "2"));
  if (key == "4") text = about_true_timing(result, find_result(results, "3"));
  if (key == "5") text = about_hybrid(result, find_result(results, "4"), find_result(results, "v1"));
  return text + about_coverage(result.coverage);
}

}  // namespace wb
