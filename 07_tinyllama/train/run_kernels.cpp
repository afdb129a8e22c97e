#include "07_tinyllama/train/run_kernels.h"

namespace wb {

RunOptions with_kernels(const RunOptions& options, std::ostream& out) {
  Setting setting;
  setting.config = options.config;
  setting.precision = options.precision;
  const KernelPlan plan = plan_kernels(setting, options.kernel_options, [&](const std::string& line) {
    out << line << '\n' << std::flush;
  });
  RunOptions chosen = options;
  chosen.kernels = plan.request;
  chosen.given["kernels"] = plan.request;
  chosen.given.erase("kernel");
  return chosen;
}

}  // namespace wb
