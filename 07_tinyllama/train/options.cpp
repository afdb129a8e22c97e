#include "07_tinyllama/train/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>

#include "07_tinyllama/train/option_file.h"
#include "07_tinyllama/trainer/checkpoint/checkpoint_store.h"
#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "common/core/command_line.h"
#include "common/core/device_info.h"
#include "common/profiler/trace.h"

namespace wb {
namespace {

// The options as typed: CLI11 writes here, checked() makes RunOptions of it.
struct Typed {
  std::string preset, config_file;
  std::optional<int> width, layers, heads, kv_heads, feed_forward, vocabulary, batch_size, seq_len;
  std::optional<int> steps, warmup_steps, validate_every, checkpoint_every;
  std::int64_t seed = 1;
  std::vector<std::string> data;
  std::string tokens, validation_tokens;
  double validation_share = 0.1;
  int validation_batches = 20;
  std::string optimizer = "adamw", schedule = "cosine";
  std::optional<float> learning_rate, minimum_learning_rate;
  float weight_decay = 0.1f, beta1 = 0.9f, beta2 = 0.99f, clip = 1.0f;
  float muon_learning_rate = 0.02f, muon_momentum = 0.95f, muon_weight_decay = 0.0f;
  int gradient_accumulation = 1;
  int log_every = 10;
  std::string precision = "fp32";
  bool graph = PassGraph::supported();
  KernelOptions kernels;
  std::string output, resume, trace;
  int trace_steps = 3;
  bool overwrite = false;
};

// What a preset trains well with: found by trying, for nano and shakespeare; the rest are usual values.
struct Recipe {
  const char* preset;
  int steps;
  float learning_rate;
};
constexpr Recipe kRecipes[] = {{"nano", 2000, 2e-3f},
                               {"shakespeare", 500, 1e-3f},
                               {"small", 2000, 1e-3f},
                               {"medium", 5000, 6e-4f},
                               {"tinyllama", 10000, 4e-4f}};

void declare_model(CLI::App& app, Typed& typed) {
  app.add_option("--preset", typed.preset, "nano, shakespeare, small, medium or tinyllama")
      ->default_str("nano on the CPU device, small on CUDA");
  app.add_option("--config", typed.config_file,
                 "JSON file of options, {\"layers\": 6, ...}; options given here win");
  const auto size = [&](const char* name, std::optional<int>& value, const char* help) {
    app.add_option(name, value, help)->default_str("the preset's");
  };
  size("--width", typed.width, "model width C");
  size("--layers", typed.layers, "layers L");
  size("--heads", typed.heads, "query heads H; must divide the width");
  size("--kv-heads", typed.kv_heads, "key/value heads K; must divide the heads");
  size("--feed-forward", typed.feed_forward, "feed-forward width F");
  size("--vocabulary", typed.vocabulary, "number of different tokens V");
  size("--batch-size", typed.batch_size, "sequences in a batch, B");
  size("--seq-len", typed.seq_len, "tokens in a sequence, T");
}

void declare_data(CLI::App& app, Typed& typed) {
  app.add_option("--data", typed.data,
                 "text files, a byte is a token; takes all words up to the next option");
  app.add_option("--tokens", typed.tokens,
                 "file of 16-bit tokens, as nanoGPT prepares them, instead of --data");
  app.add_option("--validation-tokens", typed.validation_tokens, "file of 16-bit tokens to validate on");
  app.add_option("--validation-share", typed.validation_share,
                 "share of the data, at its end, that is kept to validate on; 0: none");
  app.add_option("--validate-every", typed.validate_every, "steps between validations")
      ->default_str("a twentieth of the steps, at least 25");
  app.add_option("--validation-batches", typed.validation_batches,
                 "largest number of batches in a validation");
}

void declare_optimizer(CLI::App& app, Typed& typed) {
  app.add_option("--steps", typed.steps, "training steps")->default_str("the preset's");
  app.add_option("--seed", typed.seed, "seed of the parameters and the batches")->check(kSeed);
  app.add_option("--optimizer", typed.optimizer, "adamw; or muon for hidden matrices, AdamW for the rest");
  app.add_option("--learning-rate", typed.learning_rate, "AdamW's learning rate at its highest")
      ->default_str("the preset's");
  app.add_option("--schedule", typed.schedule, "cosine or constant, after the warm-up");
  app.add_option("--warmup-steps", typed.warmup_steps, "steps of linear warm-up")
      ->default_str("a twentieth of the steps, at most 100");
  app.add_option("--minimum-learning-rate", typed.minimum_learning_rate,
                 "learning rate at the end of the cosine")
      ->default_str("a tenth of the learning rate");
  app.add_option("--weight-decay", typed.weight_decay, "AdamW's, of matrices and the embedding");
  app.add_option("--beta1", typed.beta1, "AdamW's");
  app.add_option("--beta2", typed.beta2, "AdamW's");
  app.add_option("--clip", typed.clip, "largest global norm of the gradients; 0: no clipping");
  app.add_option("--muon-learning-rate", typed.muon_learning_rate, "Muon's learning rate at its highest");
  app.add_option("--muon-momentum", typed.muon_momentum, "Muon's");
  app.add_option("--muon-weight-decay", typed.muon_weight_decay, "Muon's");
  app.add_option("--gradient-accumulation", typed.gradient_accumulation,
                 "batches whose mean gradient makes a step");
}

void declare_run(CLI::App& app, Typed& typed) {
  app.add_option("--precision", typed.precision,
                 "fp32; tf32: matrix products on tensor cores; bf16: activations in 16 bits too");
  app.add_flag("--graph,!--no-graph", typed.graph,
               "launch each pass as one CUDA graph: on where there are any");
  app.add_option(
      "--kernels", typed.kernels.kernels,
      "auto: the fastest by measurement; remeasure; fixed: look them up; solution, operation=name, ...");
  app.add_option("--kernel", typed.kernels.forced,
                 "train on this one, as in rmsnorm=starter, if it is right; may be repeated");
  app.add_flag("--strict", typed.kernels.strict, "stop when a --kernel is wrong, instead of replacing it");
  app.add_option("--output", typed.output, "folder for checkpoints and metrics")
      ->default_str("results/train");
  app.add_option("--resume", typed.resume, "continue the run in this folder, with its options");
  app.add_flag("--overwrite", typed.overwrite, "replace the run that the output folder holds");
  app.add_option("--checkpoint-every", typed.checkpoint_every,
                 "steps between checkpoints; 0: only at the end")
      ->default_str("as --validate-every");
  app.add_option("--trace", typed.trace, "write a timeline of a few steps to this file, for ui.perfetto.dev");
  app.add_option("--trace-steps", typed.trace_steps, "steps in it");
  app.add_option("--log-every", typed.log_every, "steps between lines of metrics.jsonl");
}

void require_least(const char* option, long value, long least) {
  if (value < least) throw Error(fmt::format("{} is {}; it must be {} or more", option, value, least));
}

// low <= value < high; NaN is in no range.
void require_within(const char* option, double value, double low, double high, const char* legal) {
  if (!(value >= low && value < high)) {
    throw Error(fmt::format("{} is {:g}; it must be {}", option, value, legal));
  }
}

void require_rate(const char* option, double value) {
  if (!(value > 0.0 && std::isfinite(value))) {
    throw Error(fmt::format("{} is {:g}; it must be more than 0 and finite", option, value));
  }
}

ModelConfig chosen_config(const Typed& typed, const std::string& preset_name) {
  ModelConfig config = preset(preset_name);
  config.c = typed.width.value_or(config.c);
  config.l = typed.layers.value_or(config.l);
  config.h = typed.heads.value_or(config.h);
  config.k = typed.kv_heads.value_or(config.k);
  config.f = typed.feed_forward.value_or(config.f);
  config.v = typed.vocabulary.value_or(config.v);
  config.b = typed.batch_size.value_or(config.b);
  config.t = typed.seq_len.value_or(config.t);
  validate(config);
  return config;
}

void check_optimizer(const Typed& typed, const Recipe& recipe, RunOptions& options) {
  if (typed.optimizer != "adamw" && typed.optimizer != "muon") {
    throw Error(fmt::format("--optimizer is '{}'; there are adamw and muon", typed.optimizer));
  }
  const float rate = typed.learning_rate.value_or(recipe.learning_rate);
  require_rate("--learning-rate", static_cast<double>(rate));
  require_rate("--muon-learning-rate", static_cast<double>(typed.muon_learning_rate));
  const double infinity = std::numeric_limits<double>::infinity();
  const auto wide = [](float value) { return static_cast<double>(value); };
  require_within("--beta1", wide(typed.beta1), 0.0, 1.0, "at least 0 and less than 1");
  require_within("--beta2", wide(typed.beta2), 0.0, 1.0, "at least 0 and less than 1");
  require_within("--muon-momentum", wide(typed.muon_momentum), 0.0, 1.0, "at least 0 and less than 1");
  require_within("--weight-decay", wide(typed.weight_decay), 0.0, infinity, "0 or more, and finite");
  require_within("--muon-weight-decay", wide(typed.muon_weight_decay), 0.0, infinity,
                 "0 or more, and finite");
  require_within("--clip", wide(typed.clip), 0.0, infinity, "0 or more, and finite");
  require_least("--gradient-accumulation", typed.gradient_accumulation, 1);
  options.optimizer = typed.optimizer == "muon" ? OptimizerKind::kMuon : OptimizerKind::kAdamW;
  options.adamw = {
      .learning_rate = rate, .beta1 = typed.beta1, .beta2 = typed.beta2, .weight_decay = typed.weight_decay};
  options.muon = {.learning_rate = typed.muon_learning_rate,
                  .momentum = typed.muon_momentum,
                  .weight_decay = typed.muon_weight_decay};
  options.clip_norm = typed.clip > 0.0f ? typed.clip : std::numeric_limits<float>::infinity();
  options.gradient_accumulation = typed.gradient_accumulation;
}

void check_schedule(const Typed& typed, RunOptions& options) {
  const int warmup = typed.warmup_steps.value_or(std::min(100, options.steps / 20));
  require_least("--warmup-steps", warmup, 0);
  if (warmup > options.steps) {
    throw Error(
        fmt::format("--warmup-steps is {}, more than the {} steps of the run", warmup, options.steps));
  }
  options.schedule.warmup_steps = warmup;
  if (typed.schedule == "constant") {
    if (typed.minimum_learning_rate)
      throw Error("--minimum-learning-rate is for --schedule cosine, not constant");
    return;
  }
  if (typed.schedule != "cosine") {
    throw Error(fmt::format("--schedule is '{}'; there are cosine and constant", typed.schedule));
  }
  const double highest = static_cast<double>(options.adamw.learning_rate);
  const double lowest =
      static_cast<double>(typed.minimum_learning_rate.value_or(static_cast<float>(0.1 * highest)));
  if (!(lowest >= 0.0 && lowest <= highest)) {
    throw Error(
        fmt::format("--minimum-learning-rate is {:g}; it must lie between 0 and the learning rate, {:g}",
                    lowest, highest));
  }
  options.schedule.decay_steps = options.steps;
  options.schedule.minimum = lowest / highest;
}

void check_data(const Typed& typed, RunOptions& options) {
  if (typed.data.empty() && typed.tokens.empty()) {
    throw Error("nothing to train on; give --data FILE... (text) or --tokens FILE (16-bit tokens)");
  }
  if (!typed.data.empty() && !typed.tokens.empty()) throw Error("give --data or --tokens, not both");
  if (!typed.validation_tokens.empty() && typed.tokens.empty()) {
    throw Error("--validation-tokens goes with --tokens; of --data a part is kept, see --validation-share");
  }
  require_within("--validation-share", typed.validation_share, 0.0, 1.0, "at least 0 and less than 1");
  require_least("--validation-batches", typed.validation_batches, 1);
  options.data = typed.data;
  options.tokens = typed.tokens;
  options.validation_tokens = typed.validation_tokens;
  options.validation_share = typed.validation_share;
  options.validation_batches = typed.validation_batches;
}

void check_intervals(const Typed& typed, RunOptions& options) {
  options.validate_every = typed.validate_every.value_or(std::max(25, options.steps / 20));
  options.checkpoint_every = typed.checkpoint_every.value_or(options.validate_every);
  options.log_every = typed.log_every;
  require_least("--validate-every", options.validate_every, 1);
  require_least("--checkpoint-every", options.checkpoint_every, 0);
  require_least("--log-every", options.log_every, 1);
}

void check_trace(const Typed& typed, RunOptions& options) {
  if (typed.trace.empty()) return;
  require_least("--trace-steps", typed.trace_steps, 1);
  if (const std::string reason = Trace::unavailable(); !reason.empty()) throw Error("--trace: " + reason);
  check_trace_path(typed.trace);
  options.trace = typed.trace;
  options.trace_steps = typed.trace_steps;
}

// A trained model must not be lost to a second run of the same command.
void require_free(const RunOptions& options) {
  if (options.resume || options.overwrite || !has_checkpoint(options.output)) return;
  const std::string folder = options.output.string();
  throw Error(fmt::format(
      "{} holds a run already; continue it with --resume {}, or give --overwrite or another --output", folder,
      folder));
}

RunOptions checked(const Typed& typed) {
  RunOptions options;
  options.preset = !typed.preset.empty() ? typed.preset : device_is_cpu() ? "nano" : "small";
  options.config = chosen_config(typed, options.preset);
  const auto* recipe = std::find_if(std::begin(kRecipes), std::end(kRecipes),
                                    [&](const Recipe& r) { return options.preset == r.preset; });
  const Recipe usual = recipe == std::end(kRecipes) ? Recipe{"", 2000, 1e-3f} : *recipe;
  options.steps = typed.steps.value_or(usual.steps);
  require_least("--steps", options.steps, 1);
  if (options.steps > 100'000'000) throw Error("--steps is more than 100,000,000");
  if (typed.seed < 0) throw Error(fmt::format("--seed is {}; it must be 0 or more", typed.seed));
  options.seed = static_cast<std::uint64_t>(typed.seed);
  check_optimizer(typed, usual, options);
  check_schedule(typed, options);
  check_data(typed, options);
  check_intervals(typed, options);
  options.kernels = look_up_of(typed.kernels.kernels);
  options.kernel_options = typed.kernels;
  options.precision = parse_precision(typed.precision);
  options.graph = typed.graph;
  if (options.graph) PassGraph::require_supported();
  require_known(options.kernel_options, options.precision);
  check_trace(typed, options);
  options.output = !typed.output.empty() ? typed.output : "results/train";
  options.resume = !typed.resume.empty();
  options.overwrite = typed.overwrite;
  require_writable_folder("--output", options.output);
  require_free(options);
  return options;
}

// What was given, with the file of options below what was typed: options win.
nlohmann::json merged(CLI::App& app, const Typed& typed) {
  if (!typed.config_file.empty()) apply_options(app, read_json_object(typed.config_file), typed.config_file);
  if (!typed.resume.empty()) {
    const std::string file = (std::filesystem::path(typed.resume) / kOptionFile).string();
    apply_options(app, read_json_object(file), file);
  }
  return given_options(app);
}

}  // namespace

std::optional<RunOptions> parse_run_options(int argc, const char* const* argv, std::string& answer) {
  CLI::App app("Train a small Llama on text or tokens, and save it.", "train");
  app.option_defaults()->always_capture_default();
  Typed typed;
  declare_model(app, typed);
  declare_data(app, typed);
  declare_optimizer(app, typed);
  declare_run(app, typed);
  try {
    app.parse(argc, argv);
    refuse_empty_values(app);
    refuse_empty_parts("--kernels", typed.kernels.kernels);
    const nlohmann::json given = merged(app, typed);
    if (!typed.resume.empty() && typed.overwrite) throw Error("give --resume or --overwrite, not both");
    if (!typed.resume.empty() && !typed.output.empty() && typed.output != typed.resume) {
      throw Error("--output and --resume name different folders; a resumed run goes on in its own folder");
    }
    if (!typed.resume.empty()) typed.output = typed.resume;
    RunOptions options = checked(typed);
    options.given = given;
    options.given["preset"] = options.preset;
    return options;
  } catch (const CLI::CallForHelp&) {
    answer = app.help();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw RunUsageError(std::string(error.what()) + "; train --help lists the options");
  } catch (const CudaError&) {
    throw;  // a broken device is no bad input
  } catch (const Error& error) {
    throw RunUsageError(error.what());
  }
}

TrainerOptions trainer_options(const RunOptions& options) {
  return {.config = options.config,
          .kernels = select_kernels(options.kernels, options.precision),
          .adamw = options.adamw,
          .optimizer = options.optimizer,
          .muon = options.muon,
          .decay_norms = false,
          .schedule = options.schedule,
          .clip_norm = options.clip_norm,
          .gradient_accumulation = options.gradient_accumulation,
          .seed = options.seed,
          .max_steps = options.steps,
          .graph = options.graph};
}

}  // namespace wb
