#include "07_tinyllama/sample/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>

#include "common/core/command_line.h"

namespace wb {
namespace {

void require(bool condition, const std::string& message) {
  if (!condition) throw SampleUsageError(message);
}

void check(const SampleOptions& options, bool prompt_given) {
  const SamplerOptions& s = options.sampler;
  require(options.tokens >= 1, fmt::format("--tokens is {}; it must be 1 or more", options.tokens));
  require(std::isfinite(s.temperature) && s.temperature >= 0.0,
          fmt::format("--temperature is {}; it must be 0 (the likeliest token) or more", s.temperature));
  require(s.top_k >= 0, fmt::format("--top-k is {}; it must be 0 (all tokens) or more", s.top_k));
  require(s.top_p > 0.0 && s.top_p <= 1.0,
          fmt::format("--top-p is {}; it must be more than 0 and at most 1", s.top_p));
  require(!options.prompt.empty(),
          "--prompt is empty; the model needs a beginning. Without --prompt, it starts at the beginning of a "
          "line");
  require(options.ids.empty() || !options.logits.empty(), "--ids is for --logits FILE; give both");
  require(options.ids.empty() || !prompt_given, "--ids and --prompt name the same tokens; give one of them");
}

}  // namespace

std::optional<SampleOptions> parse_sample_options(int argc, const char* const* argv, std::string& answer) {
  CLI::App app("Makes text with a model that was trained on bytes. The text begins with the prompt.",
               "sample");
  SampleOptions options;
  std::int64_t seed = 1;
  app.option_defaults()->always_capture_default();
  app.add_option("--checkpoint", options.checkpoint, "a checkpoint's folder, or a run's: then its latest")
      ->required();
  auto* prompt = app.add_option("--prompt", options.prompt, "what the text begins with")
                     ->default_str("the beginning of a line");
  app.add_option("--tokens", options.tokens, "bytes to add at most");
  app.add_option("--temperature", options.sampler.temperature,
                 "divides the logits: below 1 favors likely bytes; 0: always the likeliest byte");
  app.add_option("--top-k", options.sampler.top_k, "choose among the k likeliest bytes; 0: all");
  app.add_option("--top-p", options.sampler.top_p,
                 "choose among the likeliest bytes whose probabilities reach p");
  app.add_option("--seed", seed, "the same seed gives the same text")->check(kSeed);
  app.add_option("--stop", options.stop, "end before this text")->default_str("none");
  app.add_flag("--slide", options.slide, "when the model's context is full, continue from its latest half");
  app.add_option("--kernels", options.kernels, "auto, solution, library, operation=name, ...");
  app.add_option("--logits", options.logits,
                 "write the logits after each of the prompt's bytes to this safetensors file, and no text");
  app.add_option("--ids", options.ids, "with --logits: token ids instead of a prompt")->delimiter(',');
  try {
    app.parse(argc, argv);
    if (!prompt->count() || !options.prompt.empty()) refuse_empty_values(app);
  } catch (const CLI::CallForHelp&) {
    answer = app.help();
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    throw SampleUsageError(std::string(error.what()) + "; sample --help lists the options");
  } catch (const Error& error) {
    throw SampleUsageError(error.what());
  }
  require(seed >= 0, fmt::format("--seed is {}; it must be 0 or more", seed));
  options.sampler.seed = static_cast<std::uint64_t>(seed);
  check(options, prompt->count() > 0);
  return options;
}

}  // namespace wb
