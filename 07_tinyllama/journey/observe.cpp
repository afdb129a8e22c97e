#include "07_tinyllama/journey/observe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace wb {
namespace {

// A smaller share of the step is not a difference, however little the rounds scatter.
constexpr double kLeast = 0.01;

// The doubt about a ratio when too few rounds show how far they scatter.
constexpr double kUnknown = 0.1;

// Phases that miss less than this share of the step need no explanation.
constexpr double kMissed = 0.1;

// A cause that explains less than this share of a difference is not the cause.
constexpr double kMostOfIt = 0.5;

std::string percent(double share) {
  return share < 0.01 ? fmt::format("{:.1f}%", 100.0 * share) : fmt::format("{:.0f}%", 100.0 * share);
}

// How many times as fast as the other the one is, and by how much the measurement may be wrong.
struct Ratio {
  double value = 1.0;
  double noise = kUnknown;

  bool is_one() const { return std::abs(value - 1.0) < noise; }
};

// The median over the rounds of the ratio within a round: what disturbs a round disturbs both stages. The
// noise is two standard errors of this median, computed from the quartiles.
Ratio ratio_of(const StageResult& result, const StageResult& other) {
  const std::size_t rounds = result.round_ms.size();
  if (rounds < 3 || other.round_ms.size() != rounds) return {other.step_ms / result.step_ms, kUnknown};
  std::vector<double> ratios;
  for (std::size_t i = 0; i < rounds; ++i) ratios.push_back(other.round_ms[i] / result.round_ms[i]);
  const double middle = median(ratios);
  std::sort(ratios.begin(), ratios.end());
  const double quartiles = (ratios[3 * (rounds - 1) / 4] - ratios[(rounds - 1) / 4]) / middle;
  return {middle, std::max(kLeast, 2.0 * 0.93 * quartiles / std::sqrt(static_cast<double>(rounds)))};
}

// "takes as long as V1's (within 1.0%)", "takes 1.6% less time than V1's", "is 3.2 times as fast as V1's".
std::string compared(const StageResult& result, const StageResult& other, std::string_view whose) {
  const Ratio ratio = ratio_of(result, other);
  const double longer = 1.0 / ratio.value;  // times as long as the other step
  if (ratio.is_one()) return fmt::format("takes as long as {} (within {:.1f}%)", whose, 100.0 * ratio.noise);
  if (ratio.value >= 1.1) return fmt::format("is {:.1f} times as fast as {}", ratio.value, whose);
  if (longer >= 1.1) return fmt::format("takes {:.1f} times as long as {}", longer, whose);
  return fmt::format("takes {:.1f}% {} time than {}", 100.0 * std::abs(1.0 - longer),
                     longer < 1.0 ? "less" : "more", whose);
}

std::string about_v1(const StageResult& result) {
  std::string text = fmt::format("the baseline, with {:.3g} samples/s", result.samples_per_second);
  if (!result.profile || result.profile->totals.empty()) return text;
  const double share = result.profile->attention_ms / result.profile->kernel_ms;
  return text + fmt::format("; attention, which writes its scores to memory, takes {} of the kernels' time",
                            percent(share));
}

std::string about_loss(const StageResult& result, double uniform_loss) {
  const double ratio = result.losses.front() / uniform_loss;
  if (!std::isfinite(ratio)) return "the loss is not a finite number from the first step on";
  const std::string start = fmt::format("the first loss is {:.1f}, {:.1f} times ln V = {:.2f}",
                                        result.losses.front(), ratio, uniform_loss);
  if (ratio < 1.5) return start + ", about the loss of a uniform guess, as it should be";
  return start + ", the loss of a uniform guess: look at how the parameters are initialized";
}

std::string about_attention(const StageResult& result, const StageResult* contiguous) {
  std::string text = fmt::format("the first loss is {:.2f}", result.losses.front());
  if (!result.profile || result.profile->kernel_ms <= 0.0) return text;
  text += fmt::format("; attention takes {:.2f} ms of each step, {} of the kernels' time",
                      result.profile->attention_ms,
                      percent(result.profile->attention_ms / result.profile->kernel_ms));
  if (contiguous == nullptr || !contiguous->profile || contiguous->profile->attention_ms <= 0.0) return text;
  const double ratio = result.profile->attention_ms / contiguous->profile->attention_ms;
  text +=
      fmt::format(", {:.{}f} times as long as with contiguous keys and values", ratio, ratio >= 1.1 ? 1 : 2);
  if (ratio < 1.05) text += ": the strides take no more time here";
  return text;
}

std::string about_phases(const StageResult& result) {
  const double hidden = result.step_ms - result.phases.sum();
  std::string text =
      fmt::format("the timer's phases add up to {} of the true step", percent(result.phase_share));
  if (result.phase_share < 1.0 - kMissed) {
    text += fmt::format(": it misses {:.2f} ms, and the line that reads the loss waits {:.2f} ms", hidden,
                        result.loss_read_ms);
  }
  return text;
}

// Whether the layout of keys and values is the reason why the steps differ: how much less time attention
// takes, and how much more the copies take, compared with the whole difference. Empty if the steps do not
// differ.
std::string about_gap(const StageResult& result, const StageResult& strided) {
  const double gap = strided.step_ms - result.step_ms;
  if (!result.profile || !strided.profile || ratio_of(result, strided).is_one()) return "";
  const double saved = strided.profile->attention_ms - result.profile->attention_ms;
  const double copied = result.profile->repeat_kv_ms - strided.profile->repeat_kv_ms;
  const double share = (saved - copied) / gap;
  const std::string change = fmt::format("attention takes {:.2f} ms {} and repeat_kv {:.2f} ms more",
                                         std::abs(saved), saved < 0.0 ? "more" : "less", copied);
  if (share >= kMostOfIt) {
    return fmt::format(", because {}, which explains {} of the {:.2f} ms between the steps", change,
                       share > 1.0 ? "all" : percent(share), gap);
  }
  return fmt::format(
      ", but {}, which cannot explain the {:.2f} ms between the steps: compare the two profiles, or measure "
      "again, because the machine may have been busy",
      change, std::abs(gap));
}

std::string about_false_timing(const StageResult& result, const StageResult* strided) {
  if (strided == nullptr) return about_phases(result);
  return fmt::format("the step {}{}; {}", compared(result, *strided, "stage 2's"),
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

std::string about_true_timing(const StageResult& result, const StageResult* unsynchronized) {
  std::string text = about_phases(result);
  if (unsynchronized != nullptr) {
    text += fmt::format("; the step {}", compared(result, *unsynchronized, "stage 3's"));
    if (!ratio_of(result, *unsynchronized).is_one()) {
      text += ", with the same kernels: the timer's waits take this time, or the machine was busy";
    }
  }
  if (!is_profiled(&result)) return text;
  const StageProfile& profile = *result.profile;
  return text + fmt::format("; the SwiGLU kernels take {} of the kernels' time, and attention takes {}",
                            percent(kernels_ms(profile, "swiglu") / profile.kernel_ms),
                            percent(profile.attention_ms / profile.kernel_ms));
}

// The time of the naive SwiGLU. Attention has not changed, and its time shows what can still be gained there.
std::string about_change(const StageProfile& before, const StageProfile& after) {
  return fmt::format(
      ": SwiGLU's own kernels took {:.2f} ms, and now the library's products do that work; attention has not "
      "changed and takes {:.2f} ms",
      kernels_ms(before, "swiglu"), after.attention_ms);
}

std::string about_longest(const StageResult& result) {
  if (!is_profiled(&result)) return "";
  const KernelTotal& first = result.profile->totals.front();
  return fmt::format("; the longest kernel now is {}, with {:.0f}% of the kernels' time", first.name,
                     first.percent);
}

std::string about_hybrid(const StageResult& result, const StageResult* naive, const StageResult* v1) {
  std::string text = "the step";
  if (naive != nullptr) text += " " + compared(result, *naive, "stage 4's");
  if (v1 != nullptr)
    text += fmt::format("{} {}", naive == nullptr ? "" : " and", compared(result, *v1, "V1's"));
  if (naive == nullptr && v1 == nullptr) text += fmt::format(" takes {:.2f} ms", result.step_ms);
  if (is_profiled(naive) && is_profiled(&result)) text += about_change(*naive->profile, *result.profile);
  return text + about_longest(result);
}

std::string about_fused(const StageResult& result, const StageResult* v1) {
  if (v1 == nullptr) return fmt::format("the step takes {:.2f} ms", result.step_ms);
  std::string text = fmt::format("the step {}", compared(result, *v1, "V1's"));
  if (!is_profiled(&result) || !is_profiled(v1)) return text;
  return text + fmt::format(": norms and SiLU are fused, so it has {:.0f} kernels instead of {:.0f}",
                            result.profile->launches_per_step, v1->profile->launches_per_step);
}

std::string about_best(const StageResult& result, const StageResult* hybrid) {
  std::string text = fmt::format("the fastest attention here is {}", result.attention);
  if (hybrid == nullptr) return text + fmt::format("; the step takes {:.2f} ms", result.step_ms);
  if (result.attention == hybrid->attention) {
    return text + ", which stage 5 has as well";
  }
  return text + fmt::format(", and stage 5 has {}; the step {}", hybrid->attention,
                            compared(result, *hybrid, "stage 5's"));
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
