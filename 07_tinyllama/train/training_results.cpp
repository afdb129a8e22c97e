#include "07_tinyllama/train/training_results.h"

#include <algorithm>

#include "07_tinyllama/train/metrics.h"
#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "common/core/device_info.h"
#include "common/core/results.h"

namespace wb {
namespace {

using nlohmann::json;

constexpr std::size_t kMostPoints = 1000;

json optimizer_json(const RunOptions& options) {
  json body = {{"name", name_of(options.optimizer)},
               {"learning_rate", shortest(options.adamw.learning_rate)},
               {"minimum_share", options.schedule.minimum},
               {"warmup_steps", options.schedule.warmup_steps},
               {"decay_steps", options.schedule.decay_steps},
               {"weight_decay", shortest(options.adamw.weight_decay)},
               {"beta1", shortest(options.adamw.beta1)},
               {"beta2", shortest(options.adamw.beta2)},
               {"clip_norm", shortest(options.clip_norm)},  // null: not clipped
               {"gradient_accumulation", options.gradient_accumulation}};
  if (options.optimizer == OptimizerKind::kMuon) {
    body["muon"] = {{"learning_rate", shortest(options.muon.learning_rate)},
                    {"momentum", shortest(options.muon.momentum)},
                    {"weight_decay", shortest(options.muon.weight_decay)}};
  }
  return body;
}

json median_of(std::vector<double> values) {
  if (values.empty()) return nullptr;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Where a file lay on this machine is nobody else's business: its name stays.
json without_folders(json options) {
  const auto name_only = [](json& path) {
    path = std::filesystem::path(path.get<std::string>()).filename().string();
  };
  for (const char* key : {"data", "tokens", "validation-tokens"}) {
    if (!options.contains(key)) continue;
    json& value = options[key];
    if (value.is_array()) {
      for (json& path : value) name_only(path);
    } else {
      name_only(value);
    }
  }
  return options;
}

// Every n-th line, the last one included, so that a plot of a long run stays a small file.
std::vector<json> thinned(const std::vector<json>& lines) {
  const std::size_t stride = (lines.size() + kMostPoints - 1) / kMostPoints;
  std::vector<json> kept;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if ((lines.size() - 1 - i) % std::max<std::size_t>(1, stride) == 0) kept.push_back(lines[i]);
  }
  return kept;
}

}  // namespace

void write_training_results(const RunOptions& options, const Roofs& roofs, const KernelSet& kernels,
                            const std::string& train_data, const std::string& validation_data,
                            const std::string& unit) {
  std::vector<json> training, validation;
  std::vector<double> speeds, shares, roof_shares;
  double train_seconds = 0.0, validation_seconds = 0.0;
  json best = nullptr;
  for (const json& line : read_metrics(options.output / "metrics.jsonl")) {
    if (line.contains("validation_loss")) {
      validation.push_back({{"step", line["step"]}, {"loss", line["validation_loss"]}});
      validation_seconds += line.value("validation_seconds", 0.0);
      if (line.value("best", false)) best = validation.back();
    } else {
      training.push_back({{"step", line["step"]},
                          {"loss", line["loss"]},
                          {"gradient_norm", line["gradient_norm"]},
                          {"learning_rate", line["learning_rate"]}});
      speeds.push_back(line.value("tokens_per_second", 0.0));
      shares.push_back(line.value("mfu", 0.0));
      roof_shares.push_back(line.value("roof_share", 0.0));
      train_seconds += line.value("seconds", 0.0);
    }
  }
  const ModelConfig& c = options.config;
  const json body = {
      {"preset", options.preset},
      {"description", describe(c)},
      {"config",
       {{"c", c.c}, {"l", c.l}, {"h", c.h}, {"k", c.k}, {"f", c.f}, {"v", c.v}, {"b", c.b}, {"t", c.t}}},
      {"parameters", parameter_table(c).elements()},
      {"precision", name_of(options.precision)},
      {"steps", options.steps},
      {"seed", options.seed},
      {"optimizer", optimizer_json(options)},
      {"kernels", describe(kernels)},
      {"data", train_data},
      {"validation_data", validation_data.empty() ? json(nullptr) : json(validation_data)},
      {"unit", unit},
      {"options", without_folders(options.given)},
      {"timings_of", device_is_cpu() ? "cpu" : "gpu"},
      {"flops_per_token", flops_per_token(c)},
      {"roofs",
       {{"flops", roofs.flops}, {"bytes_per_second", roofs.bytes_per_second}, {"matmul", roofs.matmul_size}}},
      {"train_seconds", train_seconds},
      {"validation_seconds", validation_seconds},
      {"tokens_per_second", median_of(speeds)},
      {"mfu", median_of(shares)},
      {"roof_share", median_of(roof_shares)},
      {"training", thinned(training)},
      {"validation", validation},
      {"best", best},
  };
  write_results(options.output / "training.json", "training", body);
}

}  // namespace wb
