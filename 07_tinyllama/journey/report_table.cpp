// The journey for people: heading, table, sentences.
#include <fmt/format.h>

#include <cmath>

#include "07_tinyllama/journey/observe.h"
#include "07_tinyllama/journey/report.h"
#include "common/core/device_info.h"

namespace wb {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr int kTextRows = 6;

// Three significant digits or so, never an exponent.
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

constexpr const char* kRow =
    "{:<16} {:>8} {:>8} {:>10} {:>9} | {:>8} {:>8} {:>8} {:>8} | {:>8} {:>7} | {:>7} | {:>7} {:>7} | {:>6}\n";

std::string row(const std::vector<StageResult>& results, const StageResult& r) {
  const GradientCoverage& c = r.coverage;
  const auto speedup = speedup_over_v1(results, r);
  return fmt::format(
      fmt::runtime(kRow), fmt::format("{:<2} {}", r.stage.key == "v1" ? "V1" : r.stage.key, r.stage.title),
      loss_text(r.losses.front()), loss_text(r.losses.back()), fmt::format("{:.1f}", r.samples_per_second),
      ms(r.step_ms), ms(r.phases.forward), ms(r.phases.backward), ms(r.phases.optimizer),
      share(r.phase_share), r.profile ? ms(r.profile->attention_ms) : "-",
      r.profile ? fmt::format("{:.0f}", r.profile->launches_per_step) : "-",
      fmt::format("{:.1f}", static_cast<double>(r.peak_bytes) / kMiB),
      fmt::format("{}/{}", c.covered_tensors, c.tensors),
      share(c.elements == 0 ? 0.0
                            : static_cast<double>(c.covered_elements) / static_cast<double>(c.elements)),
      speedup ? fmt::format("{:.2f}x", *speedup) : "-");
}

}  // namespace

std::string heading(const JourneyOptions& options, const std::string& data) {
  std::string text = fmt::format("The TinyLlama journey on {}\n", describe_device());
  text +=
      fmt::format("preset {}: {}; fp32; seed {}\n", options.preset, describe(options.config), options.seed);
  text += fmt::format("data: {}; {} steps a stage, AdamW, learning rate {}\n", data, options.steps,
                      options.learning_rate);
  if (device_is_cpu()) {
    text += "Timings are of this CPU running CUDA C++: compare them with each other, never with a GPU's.\n";
  }
  return text;
}

std::string table(const JourneyReport& report) {
  const double uniform_loss = std::log(report.options.config.v);
  std::string text = fmt::format(fmt::runtime(kRow), "", "loss", "", "measured", "", "its own", "timer",
                                 "says, ms", "", "profiled", "", "peak", "gradient", "in", "");
  text +=
      fmt::format(fmt::runtime(kRow), "stage", "first", "last", "samples/s", "step ms", "forward", "backward",
                  "optimize", "of step", "attn ms", "kernels", "MiB", "tensors", "values", "vs V1");
  text += std::string(text.size() / 2 - 1, '-') + "\n";
  for (const StageResult& result : report.stages) text += row(report.stages, result);
  text += "\nWhat you see\n";
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
  return lines + fmt::format("The loss {} from {:.2f} to {:.2f} nats a byte (a uniform guess: {:.2f}).\n",
                             last < first ? "falls" : "does not fall:", first, last, uniform_loss);
}

}  // namespace wb
