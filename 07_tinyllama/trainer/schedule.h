// The learning rate over a run: a linear warm-up, then half a cosine down to a minimum.
#pragma once

namespace wb {

/// As factors of the learning rate, so that one schedule serves AdamW and Muon. The default is constant.
struct Schedule {
  int warmup_steps = 0;  // step i of the warm-up has factor (i + 1) / warmup_steps
  int decay_steps = 0;   // the step at which the minimum is reached, warm-up included; 0: no decay
  double minimum = 1.0;  // the factor there, and from there on
};

/// The factor of a step, counted from 0: more than 0 and at most 1 for a legal schedule.
/// Errors: step < 0, warmup_steps < 0, decay_steps < 0, minimum outside [0, 1], or a decay that ends before
/// the warm-up does, throws wb::Error.
double schedule_factor(const Schedule& schedule, int step);

}  // namespace wb
