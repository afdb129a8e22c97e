// What the user asked for, checked as a whole before anything runs or is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/journey/stages.h"
#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/data.h"
#include "07_tinyllama/trainer/trainer.h"

namespace wb {

struct JourneyOptions {
  std::vector<Stage> stages;
  std::string preset;
  ModelConfig config;  // the preset, changed by --batch-size, --seq-len, ...
  int steps = 0;
  int text_steps = 0;
  std::uint64_t seed = 1;
  float learning_rate = 0.0f;
  std::string kernels = "auto";
  std::string fastest_attention;        // what V4 runs; empty: not measured yet
  std::string data_file;                // empty: one fixed batch of random tokens
  std::vector<std::string> text_files;  // empty: no training on text at the end
  std::filesystem::path results = "results";
  bool profile = true;
  std::filesystem::path trace_file;  // empty: no trace
  int trace_steps = 3;               // of each stage
  // Not on the command line: how much is measured. Tests take less.
  int rounds = 15;         // of all stages; fewer where that takes long
  int profiled_steps = 5;  // of a stage
};

/// Bad input: the message is one line, and the program exits with 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// nullopt after --help or --version, whose text is then in `answer`.
/// Errors: anything that could not run throws UsageError; nothing has been written by then.
std::optional<JourneyOptions> parse_options(int argc, const char* const* argv, std::string& answer);

/// The tokens that every stage trains on, the same for each.
Data stage_data(const JourneyOptions& options);
std::string data_description(const JourneyOptions& options);

/// The trainer of a stage.
TrainerOptions stage_trainer(const JourneyOptions& options, const Stage& stage, int max_steps);

}  // namespace wb
