#include "07_tinyllama/trainer/memory_need.h"

#include <fmt/format.h>

#include "common/core/error.h"

namespace wb {

double least_bytes(const ModelConfig& config) {
  const double c = config.c, l = config.l, f = config.f, v = config.v;
  const double kv_width = static_cast<double>(config.k) * config.d();
  const double parameters = v * c + l * (2 * c * c + 2 * kv_width * c + 3 * c * f + 2 * c) + c;
  const double tokens = static_cast<double>(config.b) * config.t;
  return 14 * parameters + 2 * tokens * (l * c + v);
}

void require_fits(const ModelConfig& config, double memory_bytes) {
  const double needed = least_bytes(config);
  if (!(memory_bytes > 0.0) || needed <= memory_bytes) return;
  throw Error(fmt::format(
      "model: training it takes at least {:.1f} GB, and this device has {:.1f} GB; choose fewer layers, a "
      "smaller preset or a smaller batch",
      needed / 1e9, memory_bytes / 1e9));
}

}  // namespace wb
