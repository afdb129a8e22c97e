#include "07_tinyllama/train/run_kernels.h"

#include <fmt/format.h>

namespace wb {

RunOptions with_kernels(const RunOptions& options, std::ostream& out) {
  Setting setting;
  setting.config = options.config;
  setting.precision = options.precision;
  setting.graph = options.graph;
  const KernelPlan plan = plan_kernels(setting, options.kernel_options, [&](const std::string& line) {
    out << line << '\n' << std::flush;
  });
  RunOptions chosen = options;
  chosen.kernels = plan.request;
  // Spelled out: a resumed run takes the same kernels, and measures nothing.
  std::string spelled;
  for (const KernelChoice& choice : plan.kernels.choices) {
    spelled += fmt::format("{}{}={}", spelled.empty() ? "" : ",", choice.contract, choice.implementation);
  }
  chosen.given["kernels"] = spelled;
  chosen.given.erase("kernel");
  chosen.given.erase("strict");
  return chosen;
}

}  // namespace wb
