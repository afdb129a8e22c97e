// What the user asked for, checked as a whole before anything runs or is written.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/config.h"
#include "07_tinyllama/trainer/data.h"
#include "07_tinyllama/trainer/selection/select.h"
#include "07_tinyllama/trainer/trainer.h"

namespace wb {

struct RunOptions {
  std::string preset;
  ModelConfig config;  // the preset, changed by --layers, --batch-size, ...
  int steps = 0;       // of the whole run, those before a resume included
  std::uint64_t seed = 1;

  std::vector<std::string> data;  // text files; empty: token files
  std::string tokens;             // 16-bit token file to train on
  std::string validation_tokens;  // and to validate on; empty: the tail of `tokens`
  double validation_share = 0.1;  // of the text, at its end; 0: no validation
  int validation_batches = 0;     // at most
  int validate_every = 0;         // steps

  OptimizerKind optimizer = OptimizerKind::kAdamW;
  AdamWConfig adamw;
  MuonConfig muon;
  Schedule schedule;
  float clip_norm = 0.0f;  // infinity: measured, not clipped
  int gradient_accumulation = 1;
  Precision precision = Precision::kFp32;
  bool graph = false;            // launch each pass as one CUDA graph
  std::string kernels;           // what select_kernels is asked for
  KernelOptions kernel_options;  // and how that is chosen: with_kernels

  std::filesystem::path output;
  bool overwrite = false;       // remove the run that is there
  bool resume = false;          // go on from the checkpoint in `output`
  int checkpoint_every = 0;     // steps; 0: only at the end
  int log_every = 0;            // steps
  std::filesystem::path trace;  // empty: none
  int trace_steps = 0;

  nlohmann::json given;  // every option that was given, by name: what --resume starts from
};

/// Bad input: the message is one line, and the program exits with 2.
class RunUsageError : public Error {
 public:
  using Error::Error;
};

/// Calls read(). What it throws is the fault of what the user gave: RunUsageError, unless the device failed.
template <class Read>
auto as_input(Read&& read) {
  try {
    return read();
  } catch (const CudaError&) {
    throw;
  } catch (const Error& error) {
    throw RunUsageError(error.what());
  }
}

/// nullopt after --help, whose text is then in `answer`.
/// Errors: anything that could not run throws RunUsageError; nothing has been written by then.
std::optional<RunOptions> parse_run_options(int argc, const char* const* argv, std::string& answer);

TrainerOptions trainer_options(const RunOptions& options);

/// What is trained on, and what is validated on where there is anything.
struct RunData {
  Data train;
  std::optional<Data> validation;
  const char* unit = "byte";  // what a token is: "byte" or "token"
};
/// Errors: files that cannot be read, are too short, or do not fit the vocabulary throw wb::Error.
RunData run_data(const RunOptions& options);

/// Throws wb::Error as run_data does for files that cannot be read, and loads nothing.
void require_files(const RunOptions& options);

/// Throws wb::Error, with the need and what would fit, unless the device has room for the trainer.
void require_memory(const RunOptions& options);

/// The file in an output folder that --resume reads: the options that the run was started with.
inline constexpr const char* kOptionFile = "options.json";

}  // namespace wb
