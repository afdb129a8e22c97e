#include "07_tinyllama/journey/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>

#include "07_tinyllama/trainer/memory_need.h"
#include "common/core/command_line.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/profiler/trace.h"

namespace wb {
namespace {

// A step on the CPU device takes most of a second in the slow stages.
int default_steps() {
  return device_is_cpu() ? 10 : 20;
}
constexpr int kDefaultTextSteps = 60;

// The options as typed: CLI11 writes here, checked() makes a JourneyOptions of it.
struct Typed {
  std::vector<std::string> stages;
  std::string preset;
  int steps = default_steps();
  int text_steps = kDefaultTextSteps;
  std::optional<int> batch_size, seq_len, layers, heads, kv_heads;
  std::uint64_t seed = 1;
  float learning_rate = 1e-3f;
  std::string kernels = "auto";
  std::string data;
  std::vector<std::string> text;
  std::string results = "results";
  bool no_profile = false;
  std::string trace;
  int trace_steps = 3;
};

void declare(CLI::App& app, Typed& typed) {
  app.option_defaults()->always_capture_default();
  app.add_option("--stage", typed.stages, "v1, v2, 1, 2, 3, 4, 5 or v4; may be repeated")
      ->default_str("all of them");
  app.add_option("--preset", typed.preset, fmt::format("{}", fmt::join(preset_names(), ", ")))
      ->default_str("nano_long on the CPU device, small_long on CUDA");
  app.add_option("--steps", typed.steps, "training steps of each stage");
  app.add_option("--batch-size", typed.batch_size, "sequences in a batch")->default_str("the preset's");
  app.add_option("--seq-len", typed.seq_len, "tokens in a sequence")->default_str("the preset's");
  app.add_option("--layers", typed.layers, "layers")->default_str("the preset's");
  app.add_option("--heads", typed.heads, "query heads; must divide the width")->default_str("the preset's");
  app.add_option("--kv-heads", typed.kv_heads, "key/value heads; must divide the heads")
      ->default_str("the preset's");
  app.add_option("--seed", typed.seed, "seed of the parameters and the data")->check(kSeed);
  app.add_option("--learning-rate", typed.learning_rate, "learning rate of AdamW");
  app.add_option("--kernels", typed.kernels,
                 "implementations that the stage does not fix: auto, solution, library, operation=name, ...");
  app.add_option("--data", typed.data, "train on the bytes of this file")
      ->default_str("one fixed batch of random tokens");
  app.add_option("--text", typed.text,
                 "files that stage 5 trains on at the end; takes all words up to the next option");
  app.add_option("--text-steps", typed.text_steps, "steps of that training");
  app.add_option("--output,--results", typed.results, "folder for journey.json and the profiles");
  app.add_option("--trace", typed.trace, "write a timeline of a few steps of each stage, for ui.perfetto.dev")
      ->default_str("none");
  app.add_option("--trace-steps", typed.trace_steps, "steps of each stage in the timeline");
  app.add_flag("--no-profile", typed.no_profile, "do not count and time kernels");
}

std::vector<Stage> chosen_stages(const std::vector<std::string>& keys) {
  if (keys.empty()) return {all_stages().begin(), all_stages().end()};
  std::vector<Stage> wanted;
  for (const std::string& key : keys) wanted.push_back(find_stage(key));
  // In the table's order and each once, whatever the order on the command line.
  std::vector<Stage> chosen;
  for (const Stage& stage : all_stages()) {
    const bool is_wanted =
        std::any_of(wanted.begin(), wanted.end(), [&](const Stage& other) { return other.key == stage.key; });
    if (is_wanted) chosen.push_back(stage);
  }
  return chosen;
}

ModelConfig chosen_config(const Typed& typed, const std::string& preset_name) {
  ModelConfig config = preset(preset_name);
  config.b = typed.batch_size.value_or(config.b);
  config.t = typed.seq_len.value_or(config.t);
  config.l = typed.layers.value_or(config.l);
  config.h = typed.heads.value_or(config.h);
  config.k = typed.kv_heads.value_or(config.k);
  validate(config);
  require_fits(config, static_cast<double>(device_info().memory_bytes));
  return config;
}

void require_at_least_one(int value, const char* option) {
  if (value < 1) throw Error(fmt::format("{} is {}; it must be 1 or more", option, value));
}

// Losses are kept on the device: 4 bytes per step.
constexpr int kMostSteps = 100'000'000;

void require_steps(int value, const char* option) {
  require_at_least_one(value, option);
  if (value > kMostSteps) {
    throw Error(fmt::format("{} is {}; it must be {} or less", option, value, kMostSteps));
  }
}

void require_traceable(const std::string& file) {
  if (const std::string reason = Trace::unavailable(); !reason.empty()) throw Error("--trace: " + reason);
  check_trace_path(file);
}

JourneyOptions checked(const Typed& typed) {
  JourneyOptions options;
  options.stages = chosen_stages(typed.stages);
  options.preset = !typed.preset.empty() ? typed.preset : device_is_cpu() ? "nano_long" : "small_long";
  options.config = chosen_config(typed, options.preset);
  require_steps(typed.steps, "--steps");
  require_steps(typed.text_steps, "--text-steps");
  if (!(typed.learning_rate > 0.0f && std::isfinite(typed.learning_rate))) {
    throw Error(fmt::format("--learning-rate is {}; it must be a number more than 0", typed.learning_rate));
  }
  options.steps = typed.steps;
  options.text_steps = typed.text_steps;
  options.seed = typed.seed;
  options.learning_rate = typed.learning_rate;
  options.kernels = typed.kernels;
  options.data_file = typed.data;
  options.text_files = typed.text;
  options.results = typed.results;
  options.profile = !typed.no_profile;
  // Build once what would fail later: kernels and data have errors of their own.
  for (const Stage& stage : options.stages) stage_trainer(options, stage, 1);
  if (!options.data_file.empty()) stage_data(options);
  if (!options.text_files.empty()) Data::files(options.config, options.text_files, options.seed);
  require_writable_folder("--output", options.results);
  options.trace_file = typed.trace;
  options.trace_steps = typed.trace_steps;
  require_at_least_one(typed.trace_steps, "--trace-steps");
  if (!typed.trace.empty()) require_traceable(typed.trace);
  return options;
}

// One fixed batch: tokens (B, T) and the token after each.
Data fixed_random_batch(const ModelConfig& config, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<int> tokens;
  std::vector<int> targets;
  for (int row = 0; row < config.b; ++row) {
    int token = static_cast<int>(rng.below(static_cast<std::uint64_t>(config.v)));
    for (int i = 0; i < config.t; ++i) {
      tokens.push_back(token);
      token = static_cast<int>(rng.below(static_cast<std::uint64_t>(config.v)));
      targets.push_back(token);
    }
  }
  return Data::fixed(config, tokens, targets);
}

}  // namespace

std::optional<JourneyOptions> parse_options(int argc, const char* const* argv, std::string& answer) {
  CLI::App app("The TinyLlama journey: a training run in five stages, each with an error or a slow part.",
               "journey");
  Typed typed;
  declare(app, typed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    answer = app.help();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw UsageError(std::string(error.what()) + "; journey --help lists the options");
  }
  try {
    refuse_empty_values(app);
    refuse_empty_parts("--kernels", typed.kernels);
    return checked(typed);
  } catch (const CudaError&) {
    throw;  // a broken device is no bad input
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

Data stage_data(const JourneyOptions& options) {
  if (options.data_file.empty()) return fixed_random_batch(options.config, options.seed);
  return Data::files(options.config, {options.data_file}, options.seed);
}

std::string data_description(const JourneyOptions& options) {
  return options.data_file.empty() ? "one fixed batch of random tokens" : stage_data(options).description();
}

TrainerOptions stage_trainer(const JourneyOptions& options, const Stage& stage, int max_steps) {
  TrainerOptions trainer;
  trainer.config = options.config;
  std::string kernels = fmt::format("{},{}", options.kernels, stage.kernels);
  if (stage.fastest_attention && !options.fastest_attention.empty()) {
    kernels += ",attention=" + options.fastest_attention;
  }
  trainer.kernels = select_kernels(kernels);
  trainer.kv_layout = stage.kv_layout;
  trainer.init = stage.init;
  trainer.adamw.learning_rate = options.learning_rate;
  trainer.seed = options.seed;
  trainer.max_steps = max_steps;
  return trainer;
}

}  // namespace wb
