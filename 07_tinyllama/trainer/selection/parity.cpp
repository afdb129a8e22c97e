#include "07_tinyllama/trainer/selection/parity.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/selection/check_kernels.h"
#include "07_tinyllama/trainer/trainer.h"

namespace wb {
namespace {

// A relative difference as JSON: infinity and NaN are null there.
nlohmann::json number(double value) {
  return std::isfinite(value) ? nlohmann::json(value) : nlohmann::json();
}
double number(const nlohmann::json& value) {
  return value.is_null() ? INFINITY : value.get<double>();
}

struct Worst {
  double difference = 0.0;
  std::string tensor;
};

// The tensor with the largest relative difference; one that is not finite is the largest.
Worst largest_difference(Arena& got, Arena& expected) {
  Worst worst;
  for (const TensorEntry& entry : expected.table().entries()) {
    const std::int64_t n = entry.elements();
    const float* reference = expected.at(entry.name);
    const double scale = root_mean_square(reference, n);
    double difference = compare(got.at(entry.name), reference, n, 0.0, scale).relative;
    if (!std::isfinite(difference)) difference = INFINITY;
    if (worst.tensor.empty() || difference > worst.difference) worst = {difference, entry.name};
  }
  return worst;
}

TrainerOptions trainer_options(const Setting& setting, std::string_view request,
                               const ParityOptions& options) {
  TrainerOptions trainer;
  trainer.config = setting.config;
  trainer.kernels = select_kernels(request, setting.precision);
  trainer.kv_layout = setting.kv_layout;
  trainer.adamw.learning_rate = 1e-3f;
  trainer.seed = options.seed;
  trainer.max_steps = options.steps;
  return trainer;
}

// Two models at once: with half of the batch, a quarter, ... when the run's own has no room.
Setting fitting(Setting setting, std::string_view request, std::string_view reference,
                const ParityOptions& options) {
  std::size_t free = 0, total = 0;
  WB_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  for (; setting.config.b > 1; setting.config.b = (setting.config.b + 1) / 2) {
    const std::size_t needed = Trainer::bytes_needed(trainer_options(setting, request, options)) +
                               Trainer::bytes_needed(trainer_options(setting, reference, options));
    if (needed + needed / 20 <= free) break;
  }
  return setting;
}

// Only a comparison that holds passes: with NaN none does.
std::string failure_of(const ParityStep& step, const ParityOptions& allowed, std::size_t number) {
  if (!(step.worst_gradient <= allowed.gradient)) {
    return fmt::format("step {}: the gradient of {} is off by {:.2g} of its size, allowed are {:.2g}", number,
                       step.worst_tensor, step.worst_gradient, allowed.gradient);
  }
  const double off = std::fabs(step.loss - step.reference_loss);
  if (!(off <= allowed.loss * std::fabs(step.reference_loss))) {
    return fmt::format("step {}: the loss is {:.7g} instead of {:.7g}", number, step.loss,
                       step.reference_loss);
  }
  if (!(step.worst_update <= allowed.update)) {
    return fmt::format(
        "step {}: {} after the optimizer's step is off by {:.2g} of its size, allowed are {:.2g}", number,
        step.worst_update_tensor, step.worst_update, allowed.update);
  }
  return {};
}

ParityStep compare_step(Trainer& got, Trainer& expected) {
  for (Trainer* trainer : {&expected, &got}) {
    trainer->forward();
    trainer->backward();
    trainer->synchronize();
  }
  ParityStep step;
  step.loss = static_cast<double>(got.last_loss());
  step.reference_loss = static_cast<double>(expected.last_loss());
  const Worst gradient = largest_difference(got.model().gradients(), expected.model().gradients());
  step.worst_gradient = gradient.difference;
  step.worst_tensor = gradient.tensor;
  for (Trainer* trainer : {&expected, &got}) {
    trainer->optimizer_step();
    trainer->synchronize();
  }
  const Worst update = largest_difference(got.model().parameters(), expected.model().parameters());
  step.worst_update = update.difference;
  step.worst_update_tensor = update.tensor;
  return step;
}

}  // namespace

ParityOptions parity_options(Precision precision) {
  ParityOptions options;
  if (precision == Precision::kTf32) options = {.loss = 1e-3, .gradient = 2e-2, .update = 1e-2};
  if (precision == Precision::kBf16) options = {.loss = 2e-3, .gradient = 3e-2, .update = 2e-2};
  return options;
}

Parity check_parity(const Setting& wanted, std::string_view request, std::string_view reference,
                    const ParityOptions& options) {
  const Setting setting = fitting(wanted, request, reference, options);
  Trainer expected(trainer_options(setting, reference, options), Data::random(setting.config, options.seed));
  Trainer got(trainer_options(setting, request, options), Data::random(setting.config, options.seed));
  Parity parity;
  parity.batch = setting.config.b;
  for (int i = 0; i < options.steps && parity.failure.empty(); ++i) {
    parity.steps.push_back(compare_step(got, expected));
    parity.failure = failure_of(parity.steps.back(), options, parity.steps.size());
    Arena& from = expected.model().parameters();
    WB_CUDA_CHECK(
        cudaMemcpy(got.model().parameters().data(), from.data(), from.bytes(), cudaMemcpyDeviceToDevice));
  }
  return parity;
}

std::string describe(const Parity& parity) {
  std::string text;
  for (std::size_t i = 0; i < parity.steps.size(); ++i) {
    const ParityStep& step = parity.steps[i];
    text += fmt::format(
        "{}  step {}: loss {:.6f}, off by {:.1e}; largest relative difference of a gradient {:.1e} ({})",
        i == 0 ? "" : "\n", i + 1, step.loss, step.loss - step.reference_loss, step.worst_gradient,
        step.worst_tensor);
  }
  return text;
}

void to_json(nlohmann::json& json, const Parity& parity) {
  json = {{"steps", nlohmann::json::array()}, {"batch", parity.batch}, {"failure", parity.failure}};
  for (const ParityStep& step : parity.steps) {
    json["steps"].push_back({{"loss", number(step.loss)},
                             {"reference_loss", number(step.reference_loss)},
                             {"worst_gradient", number(step.worst_gradient)},
                             {"worst_tensor", step.worst_tensor},
                             {"worst_update", number(step.worst_update)},
                             {"worst_update_tensor", step.worst_update_tensor}});
  }
}

void from_json(const nlohmann::json& json, Parity& parity) {
  parity.steps.clear();
  json.at("batch").get_to(parity.batch);
  json.at("failure").get_to(parity.failure);
  for (const nlohmann::json& entry : json.at("steps")) {
    parity.steps.push_back({.loss = number(entry.at("loss")),
                            .reference_loss = number(entry.at("reference_loss")),
                            .worst_gradient = number(entry.at("worst_gradient")),
                            .worst_tensor = entry.at("worst_tensor"),
                            .worst_update = number(entry.at("worst_update")),
                            .worst_update_tensor = entry.at("worst_update_tensor")});
  }
}

void to_json(nlohmann::json& json, const ParityOptions& options) {
  json = {{"steps", options.steps},
          {"seed", options.seed},
          {"loss", options.loss},
          {"gradient", options.gradient},
          {"update", options.update}};
}

void from_json(const nlohmann::json& json, ParityOptions& options) {
  json.at("steps").get_to(options.steps);
  json.at("seed").get_to(options.seed);
  json.at("loss").get_to(options.loss);
  json.at("gradient").get_to(options.gradient);
  json.at("update").get_to(options.update);
}

}  // namespace wb
