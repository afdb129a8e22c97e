// The journey for people: heading, table, sentences.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "07_tinyllama/journey/observe.h"
#include "07_tinyllama/journey/report.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr int kTextRows = 6;

// Three significant digits or so, never an exponent: milliseconds, samples/s.
std::string ms(double value) {
  return value >= 100.0  ? fmt::format("{:.0f}", value)
         : value >= 10.0 ? fmt::format("{:.1f}", value)
                         : fmt::format("{:.2f}", value);
}

std::string loss_text(double loss) {
  return loss >= 100.0 ? fmt::format("{:.1f}", loss) : fmt::format("{:.3f}", loss);
}

std::string share(double value) {
  return fmt::format("{:.1f}%", 100.0 * value);
}

// "V1" or "3".
std::string key(const Stage& stage) {
  return stage.key.starts_with('v') ? "V" + std::string(stage.key.substr(1)) : std::string(stage.key);
}

constexpr const char* kRow =
    "{:<17} {:>8} {:>8} {:>10} {:>9} {:>6} | {:>8} {:>8} {:>8} {:>8} | {:>8} {:>7} | {:>7} | {:>7} {:>7} | "
    "{:>6}\n";

std::string row(const std::vector<StageResult>& results, const StageResult& r) {
  const GradientCoverage& c = r.coverage;
  const auto speedup = speedup_over_v1(results, r);
  return fmt::format(
      fmt::runtime(kRow), fmt::format("{:<2} {}", key(r.stage), r.stage.title), loss_text(r.losses.front()),
      loss_text(r.losses.back()), ms(r.samples_per_second), ms(r.step_ms),
      fmt::format("{:.0f}%", 100.0 * r.spread()), ms(r.phases.forward), ms(r.phases.backward),
      ms(r.phases.optimizer), share(r.phase_share), r.profile ? ms(r.profile->attention_ms) : "-",
      r.profile ? fmt::format("{:.0f}", r.profile->launches_per_step) : "-",
      fmt::format("{:.1f}", static_cast<double>(r.peak_bytes) / kMiB),
      fmt::format("{}/{}", c.covered_tensors, c.tensors),
      share(c.elements == 0 ? 0.0
                            : static_cast<double>(c.covered_elements) / static_cast<double>(c.elements)),
      speedup ? fmt::format("{:.2f}x", *speedup) : "-");
}

// From these values on the machine counts as busy.
constexpr double kBusyCores = 0.25;
constexpr double kBusySpread = 0.2;

double widest_spread(const JourneyReport& report) {
  double widest = 0.0;
  for (const StageResult& result : report.stages) widest = std::max(widest, result.spread());
  return widest;
}

std::string about_rounds(const JourneyReport& report) {
  const RoundsResult& rounds = report.rounds;
  std::string text = fmt::format(
      "{} rounds, each of which runs every stage; {}. A figure is the median over the rounds, and its spread "
      "is "
      "the distance from their 10th to their 90th percentile.\n",
      rounds.rounds,
      rounds.all_alive ? "all trainers were in memory at the same time"
                       : "each round built the trainers again, because they do not fit in memory together");
  if (!was_busy(report)) return text;
  text += "THE MACHINE WAS BUSY";
  if (rounds.other_cores && *rounds.other_cores >= kBusyCores) {
    text += fmt::format(": other programs used {:.1f} processors", *rounds.other_cores);
  }
  return text +
         fmt::format(
             "; the rounds differ by up to {:.0f}%. You can still compare stages with each other, because "
             "a round runs all of them; measure again before you quote a figure.\n",
             100.0 * widest_spread(report));
}

}  // namespace

bool was_busy(const JourneyReport& report) {
  const bool others = device_is_cpu() && report.rounds.other_cores.value_or(0.0) >= kBusyCores;
  return others || widest_spread(report) >= kBusySpread;
}

std::string heading(const JourneyOptions& options, const std::string& data) {
  std::string text = fmt::format("The TinyLlama journey on {}\n", describe_device());
  text +=
      fmt::format("preset {}: {}; fp32; seed {}\n", options.preset, describe(options.config), options.seed);
  text += fmt::format("data: {}; {} steps per stage, AdamW, learning rate {}\n", data, options.steps,
                      options.learning_rate);
  if (device_is_cpu()) {
    text += "The times are those of this CPU, which runs CUDA C++. Compare them only with each other.\n";
  }
  return text;
}

std::string table(const JourneyReport& report) {
  const double uniform_loss = std::log(report.options.config.v);
  std::string text = fmt::format(fmt::runtime(kRow), "", "loss", "", "measured", "", "", "its own", "timer",
                                 "says, ms", "", "profiled", "", "peak", "gradient", "in", "");
  text += fmt::format(fmt::runtime(kRow), "stage", "first", "last", "samples/s", "step ms", "spread",
                      "forward", "backward", "optimize", "of step", "attn ms", "kernels", "MiB", "tensors",
                      "values", "vs V1");
  text += std::string(text.size() / 2 - 1, '-') + "\n";
  for (const StageResult& result : report.stages) text += row(report.stages, result);
  text += "\n" + about_rounds(report) + "\nWhat you see\n";
  for (const StageResult& result : report.stages) {
    text += fmt::format("  {:<8} {}.\n", stage_name(result.stage),
                        observation(report.stages, result, uniform_loss));
  }
  return text;
}

std::string text_table(const TextResult& text, double uniform_loss) {
  const int steps = static_cast<int>(text.losses.size());
  std::string lines =
      fmt::format("Stage 5 trains on {} ({} steps, {:.1f} s)\n", text.description, steps, text.seconds);
  lines += fmt::format("{:>6} {:>8}\n", "step", "loss");
  int shown = 0;
  for (int i = 0; i < kTextRows; ++i) {
    const int step = 1 + (steps - 1) * i / (kTextRows - 1);
    if (step == shown) continue;
    lines += fmt::format("{:>6} {:>8.3f}\n", step, text.losses[static_cast<std::size_t>(step - 1)]);
    shown = step;
  }
  const double first = text.losses.front();
  const double last = text.losses.back();
  return lines + fmt::format("The loss {} from {:.2f} to {:.2f} nats per byte (a uniform guess: {:.2f}).\n",
                             last < first ? "falls" : "does not fall:", first, last, uniform_loss);
}

}  // namespace wb
