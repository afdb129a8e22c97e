#include "07_tinyllama/journey/stage_run.h"

#include <algorithm>
#include <cmath>

#include "common/core/device_buffer.h"
#include "common/core/implementations.h"

namespace wb {
namespace {

// Warm-up ends after both.
constexpr int kWarmUpSteps = 2;
constexpr double kWarmUpMs = 100.0;
constexpr int kMostWarmUpSteps = 200;
// A round: fast steps are taken several times, slow ones once.
constexpr double kRoundMs = 20.0;
constexpr int kMostRoundSteps = 20;

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(place))];
}

// Train one step as any loop does that logs its loss. The device is idle before and after.
StepSample timed_step(Trainer& trainer, StepTimer::Function* clock) {
  const cudaStream_t stream = trainer.options().stream;
  const double begin = host_clock_ms();
  const double before_forward = clock(stream);
  trainer.forward();
  const double before_backward = clock(stream);
  trainer.backward();
  const double before_optimizer = clock(stream);
  trainer.optimizer_step();
  const double after_optimizer = clock(stream);

  StepSample sample;
  const double before_read = host_clock_ms();
  sample.loss = trainer.last_loss();
  const double end = host_clock_ms();
  sample.phases = {before_backward - before_forward, before_optimizer - before_backward,
                   after_optimizer - before_optimizer};
  sample.loss_read_ms = end - before_read;
  sample.true_ms = end - begin;
  return sample;
}

template <class Value>
double median_of(const std::vector<StepSample>& samples, Value value) {
  std::vector<double> values;
  for (const StepSample& sample : samples) values.push_back(value(sample));
  return median(std::move(values));
}

}  // namespace

StageRun::StageRun(const JourneyOptions& options, const Stage& stage, const Progress& progress)
    : options_(options), stage_(stage), progress_(progress) {
  clock_ = find_implementation<StepTimer>(stage.timer).function;
  result_.stage = stage;
}

void StageRun::build() {
  if (trainer_) return;
  // Before the trainer exists: its memory is what counts.
  reset_peak_device_memory();
  const std::size_t before_bytes = device_memory_use().current;
  const int max_steps = options_.steps + kMostWarmUpSteps + options_.rounds * kMostRoundSteps;
  trainer_.emplace(stage_trainer(options_, stage_, max_steps), stage_data(options_));
  trainer_->synchronize();
  builds_ += 1;
  result_.kernels = describe(trainer_->options().kernels);
  for (const KernelChoice& choice : trainer_->options().kernels.choices) {
    if (choice.operation == "attention") result_.attention = choice.implementation;
  }
  double warm_up_ms = 0.0;
  for (int i = 0; i < kMostWarmUpSteps && (i < kWarmUpSteps || warm_up_ms < kWarmUpMs); ++i) {
    warm_up_ms += step().true_ms;
  }
  result_.peak_bytes = device_memory_use().peak - before_bytes;
}

StepSample StageRun::step() {
  const StepSample sample = timed_step(*trainer_, clock_);
  const auto wanted = static_cast<std::size_t>(options_.steps);
  if (builds_ == 1 && result_.losses.size() < wanted) result_.losses.push_back(sample.loss);
  progress_(stage_name(stage_), trainer_->steps_done(), std::max(options_.steps, trainer_->steps_done()),
            sample.loss);
  return sample;
}

void StageRun::round() {
  std::vector<double> times;
  double sum = 0.0;
  while (times.empty() || (sum < kRoundMs && times.size() < kMostRoundSteps)) {
    samples_.push_back(step());
    times.push_back(samples_.back().true_ms);
    sum += times.back();
  }
  result_.round_ms.push_back(median(std::move(times)));
}

void StageRun::finish_losses() {
  while (builds_ == 1 && result_.losses.size() < static_cast<std::size_t>(options_.steps)) step();
}

void StageRun::release() {
  if (!trainer_) return;
  result_.coverage = trainer_->coverage();
  trainer_.reset();
}

StageResult StageRun::result() const {
  StageResult result = result_;
  result.timed_steps = static_cast<int>(samples_.size());
  result.step_ms = median(result.round_ms);
  result.step_ms_low = percentile(result.round_ms, 0.1);
  result.step_ms_high = percentile(result.round_ms, 0.9);
  result.samples_per_second = 1e3 * options_.config.b / result.step_ms;
  result.phases.forward = median_of(samples_, [](const StepSample& s) { return s.phases.forward; });
  result.phases.backward = median_of(samples_, [](const StepSample& s) { return s.phases.backward; });
  result.phases.optimizer = median_of(samples_, [](const StepSample& s) { return s.phases.optimizer; });
  result.phase_share = median_of(samples_, [](const StepSample& s) { return s.phases.sum() / s.true_ms; });
  result.loss_read_ms = median_of(samples_, [](const StepSample& s) { return s.loss_read_ms; });
  return result;
}

}  // namespace wb
