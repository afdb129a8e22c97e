#include "07_tinyllama/train/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "07_tinyllama/train/signals.h"
#include "07_tinyllama/train/training_results.h"
#include "07_tinyllama/trainer/checkpoint/durable_file.h"
#include "common/core/trace.h"
#include "common/profiler/trace_window.h"

namespace wb {
namespace {

// How far the host may run ahead of the device: what a user waits for after Ctrl-C.
constexpr double kAheadSeconds = 0.25;

double mean(const std::vector<float>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// What a run leaves, and nothing else that may lie in the folder.
void remove_run(const std::filesystem::path& folder) {
  for (const char* name : {"latest", "best", "metrics.jsonl", kOptionFile, "training.json", "loss.png"}) {
    std::filesystem::remove_all(folder / name);
  }
  if (!std::filesystem::exists(folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().filename().string().starts_with("step-")) std::filesystem::remove_all(entry.path());
  }
}

std::size_t first_not_finite(const std::vector<float>& values) {
  const auto bad = [](float value) { return !std::isfinite(value); };
  return static_cast<std::size_t>(std::find_if(values.begin(), values.end(), bad) - values.begin());
}

}  // namespace

Session::Session(const RunOptions& options, ProgressLine progress) : options_(options), progress_(progress) {
  RunData data = as_input([&] { return run_data(options); });
  validation_ = std::move(data.validation);
  unit_ = data.unit;
  const TrainerOptions wanted = trainer_options(options);
  roofs_ = measure_roofs(wanted.kernels);
  trainer_ = std::make_unique<Trainer>(wanted, std::move(data.train));
  const double tokens = static_cast<double>(options.config.tokens()) * options.gradient_accumulation;
  step_flops_ = tokens * flops_per_token(options.config);
  least_seconds_ = least_step_seconds(options.config, tokens, roofs_);

  if (options.overwrite) remove_run(options.output);
  latest_.emplace(options.output);
  best_store_.emplace(options.output / "best", 1);
  if (options.resume) {
    const CheckpointState state = as_input([&] {
      const int done = read_checkpoint_state(find_checkpoint(options.output)).step;
      if (done > options.steps) {
        throw Error(fmt::format("--steps is {}, but the run in {} has done {} already; give more",
                                options.steps, options.output.string(), done));
      }
      return load_checkpoint(options.output, *trainer_, notes());
    });
    recorded_ = synchronized_ = saved_ = state.step;
    if (const auto loss = state.memory.find("best_loss"); loss != state.memory.end()) {
      best_ = {std::strtof(loss->second.c_str(), nullptr), std::atoi(state.memory.at("best_step").c_str())};
    }
  }
  write_durably((options.output / kOptionFile).string(), options.given.dump(2) + "\n");
  metrics_.emplace(options.output / "metrics.jsonl", recorded_);
}

std::string Session::validation_description() const {
  return validation_ ? fmt::format("{}, {} batches every {} steps", validation_->description(),
                                   validation_->batches(), options_.validate_every)
                     : "none";
}

CheckpointNotes Session::notes() const {
  CheckpointNotes notes;
  notes.facts = {{"data", trainer_->data().description()},
                 {"precision", std::string(name_of(options_.precision))},
                 {"seed", std::to_string(options_.seed)},
                 {"gradient_accumulation", std::to_string(options_.gradient_accumulation)}};
  if (best_.step >= 0) {
    notes.memory = {{"best_loss", fmt::format("{}", best_.loss)}, {"best_step", std::to_string(best_.step)}};
  }
  notes.tokens_are_bytes = options_.tokens.empty();
  return notes;
}

bool Session::due(int every) const {
  return every > 0 && (trainer_->steps_done() % every == 0 || trainer_->steps_done() == options_.steps);
}

Standing Session::standing(float loss) const {
  const int step = trainer_->steps_done();
  Standing standing = {.step = step,
                       .steps = options_.steps,
                       .loss = loss,
                       .validation_loss = validation_loss_,
                       .learning_rate = static_cast<double>(options_.adamw.learning_rate) *
                                        schedule_factor(options_.schedule, std::max(0, step - 1))};
  if (step_seconds_ > 0.0) {
    const double tokens = static_cast<double>(options_.config.tokens()) * options_.gradient_accumulation;
    standing.tokens_per_second = tokens / step_seconds_;
    standing.mfu = step_flops_ / step_seconds_ / roofs_.flops;
    standing.roof_share = least_seconds_ / step_seconds_;
    const int validations = validation_ ? (options_.steps - step) / options_.validate_every : 0;
    standing.seconds_left = (options_.steps - step) * step_seconds_ + validations * validation_seconds_;
  }
  return standing;
}

// Wait for the device before the host has run too far ahead of it, and show how things stand.
void Session::pulse() {
  const int ahead = step_seconds_ > 0.0 ? static_cast<int>(std::min(1e6, kAheadSeconds / step_seconds_)) : 0;
  if (trainer_->steps_done() - synchronized_ < std::max(1, ahead)) return;
  const float loss = trainer_->last_loss();
  synchronized_ = trainer_->steps_done();
  const std::chrono::duration<double> since = Clock::now() - interval_begin_;
  step_seconds_ = since.count() / (trainer_->steps_done() - recorded_);
  progress_.show(standing(loss));
}

// Write the steps since the last record as one line. False when one of them is not finite.
bool Session::record() {
  const int end = trainer_->steps_done();
  if (end == recorded_) return true;
  const std::vector<float> losses = trainer_->losses(recorded_, end);  // waits
  const std::chrono::duration<double> seconds = Clock::now() - interval_begin_;
  const std::vector<float> norms = trainer_->gradient_norms(recorded_, end);
  synchronized_ = end;
  step_seconds_ = seconds.count() / (end - recorded_);
  const std::size_t bad_loss = first_not_finite(losses), bad_norm = first_not_finite(norms);
  if (std::min(bad_loss, bad_norm) < losses.size()) {
    explain_not_finite(recorded_ + static_cast<int>(std::min(bad_loss, bad_norm)),
                       bad_loss <= bad_norm ? "loss" : "gradient");
    return false;
  }
  const Standing now = standing(losses.back());
  metrics_->write(
      {{"step", end},
       {"loss", mean(losses)},
       {"gradient_norm", mean(norms)},
       {"learning_rate", now.learning_rate},
       {"tokens", static_cast<std::int64_t>(end) * options_.config.tokens() * options_.gradient_accumulation},
       {"seconds", seconds.count()},
       {"tokens_per_second", now.tokens_per_second},
       {"mfu", now.mfu},
       {"roof_share", now.roof_share}});
  recorded_ = end;
  progress_.show(now);
  interval_begin_ = Clock::now();
  return true;
}

void Session::explain_not_finite(int step, const char* what) {
  progress_.clear();
  const NotFinite found = find_not_finite(*trainer_, step);
  const std::string first = found.kind.empty()
                                ? "a second pass over its batch was finite"
                                : fmt::format("the first tensor that is not finite is {}", describe(found));
  const std::string go_on = saved_ >= 0 ? fmt::format("; the checkpoint of step {} in {} is as it was",
                                                      saved_, options_.output.string())
                                        : "";
  not_finite_message_ = fmt::format("the {} of step {} is not finite: {}; lower --learning-rate (now {:g}){}",
                                    what, step + 1, first, options_.adamw.learning_rate, go_on);
}

void Session::validate_now() {
  const int step = trainer_->steps_done();
  if (!validation_ || validated_ == step) return;
  TraceRange range("validation");
  const auto begin = Clock::now();
  const float loss = trainer_->evaluate(*validation_);
  validated_ = step;
  validation_seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
  validation_loss_ = loss;
  const bool best = std::isfinite(loss) && (best_.step < 0 || loss < best_.loss);
  metrics_->write({{"step", step},
                   {"validation_loss", loss},
                   {"best", best},
                   {"validation_seconds", validation_seconds_}});
  Standing now = standing(step > 0 ? trainer_->last_loss() : std::nanf(""));
  progress_.keep(
      fmt::format("step {}/{}  {}{}", step, options_.steps, describe(now), best ? "  (best)" : ""));
  if (best) best_ = {loss, step};
  // At step 0 there is nothing to keep.
  if (best && step > 0 && parameters_are_finite(*trainer_)) save_checkpoint(*best_store_, *trainer_, notes());
}

void Session::save() {
  const int step = trainer_->steps_done();
  if (saved_ == step) return;
  TraceRange range("checkpoint");
  if (!parameters_are_finite(*trainer_)) throw Error("no checkpoint written: a parameter is not finite");
  save_checkpoint(*latest_, *trainer_, notes());
  saved_ = step;
}

Session::End Session::train() {
  std::optional<TraceWindow> trace;
  if (!options_.trace.empty()) {
    // Of a short run the last steps.
    const int spare = options_.steps - trainer_->steps_done() - options_.trace_steps;
    trace.emplace(options_.trace, options_.trace_steps, std::clamp(spare, 0, TraceWindow::kWarmUpSteps));
  }
  const End end = run_steps(trace ? &*trace : nullptr);
  progress_.clear();
  if (trace) {
    trace->finish();
    if (trace->written()) progress_.keep("Trace: " + trace->description());
  }
  if (end == End::kDone) {
    write_training_results(options_, roofs_, trainer_->options().kernels, trainer_->data().description(),
                           validation_ ? validation_->description() : "", unit_);
  }
  return end;
}

Session::End Session::run_steps(TraceWindow* trace) {
  if (trainer_->steps_done() == 0) validate_now();
  interval_begin_ = Clock::now();
  while (trainer_->steps_done() < options_.steps) {
    if (trace != nullptr) trace->begin_step(trainer_->steps_done());
    trainer_->step();
    if (trace != nullptr) trace->end_step();
    const bool stop = StopSignals::stop_requested();
    const bool validate = validation_ && due(options_.validate_every);
    const bool last = trainer_->steps_done() == options_.steps;
    const bool checkpoint = last || stop || due(options_.checkpoint_every);
    if (validate || checkpoint || due(options_.log_every)) {
      if (!record()) return End::kNotFinite;
    } else {
      pulse();
    }
    if (validate) validate_now();
    if (checkpoint) save();
    if (validate || checkpoint) interval_begin_ = Clock::now();
    if (stop && !last) return End::kInterrupted;
  }
  return End::kDone;
}

std::string Session::summary() const {
  std::string text = fmt::format("Done: {} steps", trainer_->steps_done());
  if (best_.step >= 0) {
    text +=
        fmt::format(", best validation loss {:.4f} nats per {} at step {}", best_.loss, unit_, best_.step);
  }
  text += fmt::format("\nCheckpoints: {} (latest)", options_.output.string());
  if (best_.step > 0) text += fmt::format(", {} (best)", (options_.output / "best").string());
  return text + fmt::format("\nWritten: {}\n", (options_.output / "training.json").string());
}

}  // namespace wb
