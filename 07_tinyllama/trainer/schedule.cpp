#include "07_tinyllama/trainer/schedule.h"

#include <cmath>
#include <numbers>

#include "common/core/check.h"

namespace wb {

double schedule_factor(const Schedule& schedule, int step) {
  WB_REQUIRE(step >= 0, step);
  WB_REQUIRE(schedule.warmup_steps >= 0, schedule.warmup_steps);
  WB_REQUIRE(schedule.decay_steps >= 0, schedule.decay_steps);
  WB_REQUIRE(schedule.decay_steps == 0 || schedule.decay_steps >= schedule.warmup_steps,
             schedule.decay_steps);
  WB_REQUIRE(schedule.minimum >= 0.0 && schedule.minimum <= 1.0, schedule.minimum);
  if (step < schedule.warmup_steps) return (step + 1.0) / schedule.warmup_steps;
  if (schedule.decay_steps == 0) return 1.0;
  if (step >= schedule.decay_steps) return schedule.minimum;
  const double progress =
      static_cast<double>(step - schedule.warmup_steps) / (schedule.decay_steps - schedule.warmup_steps);
  return schedule.minimum + (1.0 - schedule.minimum) * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
}

}  // namespace wb
