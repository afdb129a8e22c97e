#include "07_tinyllama/journey/measure.h"

#include <algorithm>
#include <cmath>

#include "07_tinyllama/journey/step_timer.h"
#include "common/core/device_buffer.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Warm-up ends after both; then timing goes on until there are samples enough, or for as long as is polite.
constexpr int kWarmUpSteps = 2;
constexpr double kWarmUpMs = 200.0;
constexpr int kMostWarmUpSteps = 2000;
constexpr double kEnoughMs = 1000.0;
constexpr int kEnoughSamples = 200;
constexpr double kPoliteMs = 10000.0;
constexpr int kFewestPoliteSamples = 3;

constexpr int kFewestProfiledSteps = 3;
constexpr double kPoliteProfileMs = 3000.0;

// One iteration of the loop.
struct Sample {
  PhaseMs phases;
  double loss_read_ms = 0.0;
  double true_ms = 0.0;
  float loss = 0.0f;
};

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double place = share * static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(place))];
}

// Train one step as any loop does that logs its loss. The device is idle before and after.
Sample timed_step(Trainer& trainer, StepTimer::Function* clock) {
  const cudaStream_t stream = trainer.options().stream;
  const double begin = host_clock_ms();
  const double before_forward = clock(stream);
  trainer.forward();
  const double before_backward = clock(stream);
  trainer.backward();
  const double before_optimizer = clock(stream);
  trainer.optimizer_step();
  const double after_optimizer = clock(stream);

  Sample sample;
  const double before_read = host_clock_ms();
  sample.loss = trainer.last_loss();
  const double end = host_clock_ms();
  sample.phases = {before_backward - before_forward, before_optimizer - before_backward,
                   after_optimizer - before_optimizer};
  sample.loss_read_ms = end - before_read;
  sample.true_ms = end - begin;
  return sample;
}

bool is_enough(const std::vector<Sample>& samples, double timed_ms, int fewest) {
  if (timed_ms >= kPoliteMs) return samples.size() >= kFewestPoliteSamples;
  if (samples.size() < static_cast<std::size_t>(fewest)) return false;
  return timed_ms >= kEnoughMs || samples.size() >= kEnoughSamples;
}

template <class Value>
double median_of(const std::vector<Sample>& samples, Value value) {
  std::vector<double> values;
  for (const Sample& sample : samples) values.push_back(value(sample));
  return median(std::move(values));
}

void summarise(const std::vector<Sample>& samples, int batch, StageResult& result) {
  std::vector<double> steps;
  for (const Sample& sample : samples) steps.push_back(sample.true_ms);
  result.timed_steps = static_cast<int>(samples.size());
  result.step_ms = median(steps);
  result.step_ms_low = percentile(steps, 0.1);
  result.step_ms_high = percentile(steps, 0.9);
  result.samples_per_second = 1e3 * batch / result.step_ms;
  result.phases.forward = median_of(samples, [](const Sample& s) { return s.phases.forward; });
  result.phases.backward = median_of(samples, [](const Sample& s) { return s.phases.backward; });
  result.phases.optimizer = median_of(samples, [](const Sample& s) { return s.phases.optimizer; });
  result.phase_share = median_of(samples, [](const Sample& s) { return s.phases.sum() / s.true_ms; });
  result.loss_read_ms = median_of(samples, [](const Sample& s) { return s.loss_read_ms; });
}

}  // namespace

double median(std::vector<double> values) {
  WB_REQUIRE(!values.empty(), values.size());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

StageResult measure_stage(const JourneyOptions& options, const Stage& stage, const Progress& progress) {
  // Before the trainer exists: its memory is what counts.
  reset_peak_device_memory();
  const std::size_t before_bytes = device_memory_use().current;
  const int max_steps = options.steps + options.fewest_samples + kEnoughSamples + kMostWarmUpSteps;
  Trainer trainer(stage_trainer(options, stage, max_steps), stage_data(options));
  StepTimer::Function* clock = find_implementation<StepTimer>(stage.timer).function;
  trainer.synchronize();

  StageResult result;
  result.stage = stage;
  result.kernels = describe(trainer.options().kernels);
  std::vector<Sample> samples;
  double warm_up_ms = 0.0;
  double timed_ms = 0.0;
  for (int step = 0; step < max_steps; ++step) {
    if (step >= options.steps && is_enough(samples, timed_ms, options.fewest_samples)) break;
    const Sample sample = timed_step(trainer, clock);
    if (step < options.steps) result.losses.push_back(sample.loss);
    if ((step >= kWarmUpSteps && warm_up_ms >= kWarmUpMs) || step >= kMostWarmUpSteps) {
      samples.push_back(sample);
      timed_ms += sample.true_ms;
    } else {
      warm_up_ms += sample.true_ms;
    }
    progress(stage_name(stage), step + 1, std::max(options.steps, step + 1), sample.loss);
  }
  summarise(samples, options.config.b, result);
  result.peak_bytes = device_memory_use().peak - before_bytes;
  result.coverage = trainer.coverage();
  return result;
}

StageProfile profile_stage(const JourneyOptions& options, const Stage& stage, const Progress& progress) {
  // Batched attention takes its softmax from chapter 03; nothing else in the model does.
  static const std::regex kAttention("attention|softmax");
  static const std::regex kRepeatKv("repeat_kv");
  Trainer trainer(stage_trainer(options, stage, kWarmUpSteps + options.profiled_steps), stage_data(options));
  trainer.train(kWarmUpSteps);

  StageProfile profile;
  std::vector<KernelRecord> all;
  std::vector<double> launches, kernels, attention, repeat_kv;
  const double begin = host_clock_ms();
  for (int step = 0; step < options.profiled_steps; ++step) {
    if (step >= kFewestProfiledSteps && host_clock_ms() - begin > kPoliteProfileMs) break;
    Profiler profiler;
    profiler.start();
    trainer.step();
    const std::vector<KernelRecord> records = profiler.stop();
    launches.push_back(static_cast<double>(records.size()));
    kernels.push_back(kernel_ms(records, std::regex("")));
    attention.push_back(kernel_ms(records, kAttention));
    repeat_kv.push_back(kernel_ms(records, kRepeatKv));
    all.insert(all.end(), records.begin(), records.end());
    profile.steps += 1;
    progress(stage_name(stage) + ", profile", profile.steps, options.profiled_steps, std::nanf(""));
  }
  profile.launches_per_step = median(launches);
  profile.kernel_ms = median(kernels);
  profile.attention_ms = median(attention);
  profile.attention_ms_low = *std::min_element(attention.begin(), attention.end());
  profile.repeat_kv_ms = median(repeat_kv);
  profile.totals = kernel_totals(all);
  return profile;
}

TextResult train_on_text(const JourneyOptions& options, const Progress& progress) {
  Trainer trainer(stage_trainer(options, find_stage("5"), options.text_steps),
                  Data::files(options.config, options.text_files, options.seed));
  TextResult result;
  result.description = trainer.data().description();
  const double begin = host_clock_ms();
  for (int step = 0; step < options.text_steps; ++step) {
    trainer.step();
    result.losses.push_back(trainer.last_loss());
    progress("text", step + 1, options.text_steps, result.losses.back());
  }
  result.seconds = 1e-3 * (host_clock_ms() - begin);
  return result;
}

}  // namespace wb
