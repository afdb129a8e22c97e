#include "07_tinyllama/journey/measure.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "07_tinyllama/journey/machine_load.h"
#include "07_tinyllama/journey/stage_run.h"
#include "07_tinyllama/journey/step_timer.h"

namespace wb {
namespace {

constexpr int kWarmUpSteps = 2;  // before a profile
// After this, rounds end as soon as there are a few.
constexpr double kPoliteMs = 60000.0;
constexpr int kFewestPoliteRounds = 5;
// Of the free device memory: what all trainers together may take.
constexpr double kMostMemory = 0.8;

constexpr int kFewestProfiledSteps = 3;
constexpr double kPoliteProfileMs = 3000.0;

bool all_fit(const JourneyOptions& options) {
  std::size_t needed = 0;
  for (const Stage& stage : options.stages) {
    needed += Trainer::bytes_needed(stage_trainer(options, stage, options.steps));
  }
  std::size_t free = 0, total = 0;
  WB_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<double>(needed) < kMostMemory * static_cast<double>(free);
}

}  // namespace

double median(std::vector<double> values) {
  WB_REQUIRE(!values.empty(), values.size());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

std::vector<StageResult> measure_stages(const JourneyOptions& options, const Progress& progress,
                                        RoundsResult& rounds) {
  std::vector<std::unique_ptr<StageRun>> runs;
  for (const Stage& stage : options.stages) {
    runs.push_back(std::make_unique<StageRun>(options, stage, progress));
  }
  rounds.all_alive = all_fit(options);
  if (rounds.all_alive) {
    for (auto& run : runs) run->build();
  }
  const MachineLoad load;
  const double begin = host_clock_ms();
  for (rounds.rounds = 0; rounds.rounds < options.rounds; ++rounds.rounds) {
    if (rounds.rounds >= kFewestPoliteRounds && host_clock_ms() - begin > kPoliteMs) break;
    for (auto& run : runs) {
      run->build();
      run->round();
      if (rounds.all_alive) continue;
      run->finish_losses();
      run->release();
    }
  }
  rounds.other_cores = load.other_cores();
  std::vector<StageResult> results;
  for (auto& run : runs) {
    run->finish_losses();
    run->release();
    results.push_back(run->result());
  }
  return results;
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
