// The data of a run, and whether the device has room for its model.
#include <fmt/format.h>

#include <cmath>

#include "07_tinyllama/train/options.h"

namespace wb {
namespace {

constexpr double kGibibyte = 1024.0 * 1024.0 * 1024.0;

std::size_t bytes_needed(TrainerOptions options, int batch) {
  options.config.b = batch;
  return Trainer::bytes_needed(options);
}

// Train on the head, validate on the tail.
RunData split(const RunOptions& options, const Tokens& all, const char* unit) {
  const auto kept =
      static_cast<std::int64_t>(std::llround(options.validation_share * static_cast<double>(all.size())));
  const Tokens head = all.part(0, all.size() - kept);
  RunData data = {.train = Data::rows(options.config, head, options.seed), .validation = {}, .unit = unit};
  if (options.validation_share == 0.0) return data;
  if (kept <= options.config.t) {
    throw Error(fmt::format(
        "data: the part of {} to validate on has {} {}s, but a sequence of {} tokens needs {}; give "
        "more text, a larger --validation-share, or 0 for no validation",
        all.name(), kept, unit, options.config.t, options.config.t + 1));
  }
  const Tokens tail = all.part(all.size() - kept, all.size());
  data.validation = Data::windows(options.config, tail, options.validation_batches);
  return data;
}

struct Files {
  Tokens tokens;
  std::optional<Tokens> validation;  // where it has files of its own
};

Files open_files(const RunOptions& options) {
  if (!options.data.empty()) {
    if (options.config.v < 256) {
      throw Error(fmt::format(
          "data: vocabulary too small: a byte of text may be up to 255, but the model's vocabulary "
          "is {}; give --vocabulary 256 or more",
          options.config.v));
    }
    return {Tokens::open(options.data, TokenWidth::kByte), {}};
  }
  Files files = {Tokens::open({options.tokens}, TokenWidth::kUint16), {}};
  if (!options.validation_tokens.empty()) {
    files.validation = Tokens::open({options.validation_tokens}, TokenWidth::kUint16);
  }
  return files;
}

}  // namespace

void require_files(const RunOptions& options) {
  open_files(options);
}

RunData run_data(const RunOptions& options) {
  const Files files = open_files(options);
  if (!files.validation) return split(options, files.tokens, options.data.empty() ? "token" : "byte");
  return {.train = Data::rows(options.config, files.tokens, options.seed),
          .validation = Data::windows(options.config, *files.validation, options.validation_batches),
          .unit = "token"};
}

void require_memory(const RunOptions& options) {
  const TrainerOptions trainer = trainer_options(options);
  const std::size_t needed = Trainer::bytes_needed(trainer);
  std::size_t free = 0, total = 0;
  WB_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  if (needed <= free) return;
  // Halve the batch until it fits; the same tokens per step by accumulating.
  int batch = options.config.b / 2;
  while (batch >= 1 && bytes_needed(trainer, batch) > free) batch /= 2;
  const std::string fits =
      batch >= 1
          ? fmt::format(
                "--batch-size {} would fit, with --gradient-accumulation {} at the same batch per step",
                batch,
                static_cast<std::int64_t>(options.gradient_accumulation) *
                    ((options.config.b + batch - 1) / batch))
          : "not even --batch-size 1 would fit: choose a smaller preset, fewer layers or a shorter sequence";
  throw Error(
      fmt::format("too little memory: this run needs {:.1f} GiB on the device, and {:.1f} GiB are free; {}",
                  static_cast<double>(needed) / kGibibyte, static_cast<double>(free) / kGibibyte, fits));
}

}  // namespace wb
