#include "07_tinyllama/trainer/not_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "07_tinyllama/trainer/clip.h"

namespace wb {
namespace {

// The first tensor of `names` with an element that is not finite.
NotFinite first_of(const Arena& arena, const std::vector<std::string>& names, const char* kind) {
  for (const std::string& name : names) {
    const std::vector<float> values = arena.download(name);
    const auto bad =
        std::count_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
    if (bad > 0) return {kind, name, bad, static_cast<std::int64_t>(values.size())};
  }
  return {};
}

std::vector<std::string> names_of(const TensorTable& table) {
  std::vector<std::string> names;
  for (const TensorEntry& entry : table.entries()) names.push_back(entry.name);
  return names;
}

// Layer by layer as they are computed, keys and values after q. Gradients and scratch memory are left out.
std::vector<std::string> forward_order(const TensorTable& table, int layers) {
  std::vector<std::string> names;
  for (int layer = 0; layer < layers; ++layer) {
    const std::string prefix = fmt::format("layers.{}.", layer);
    std::vector<std::string> cached;  // keys and values, which stand elsewhere in the table
    std::size_t after_q = names.size();
    for (const TensorEntry& entry : table.entries()) {
      if (!entry.name.starts_with(prefix)) continue;
      const std::string part = entry.name.substr(prefix.size());
      if (part.starts_with("keys") || part.starts_with("values")) {
        cached.push_back(entry.name);
      } else {
        names.push_back(entry.name);
        if (part == "q") after_q = names.size();
      }
    }
    names.insert(names.begin() + static_cast<std::ptrdiff_t>(after_q), cached.begin(), cached.end());
  }
  for (const char* name : {"output", "output_norm", "output_rstd", "logits", "lse", "losses"}) {
    if (table.contains(name)) names.emplace_back(name);
  }
  return names;
}

}  // namespace

NotFinite find_not_finite(Trainer& trainer, int step) {
  trainer.synchronize();
  Model& model = trainer.model();
  NotFinite found = first_of(model.parameters(), names_of(model.parameters().table()), "parameter");
  const ModelConfig& config = model.config();
  const auto size = static_cast<std::size_t>(config.tokens());
  DeviceBuffer<int> tokens(size), targets(size);
  DeviceBuffer<float> loss(1);
  const int batches = trainer.options().gradient_accumulation;
  const cudaStream_t stream = trainer.options().stream;
  const std::vector<std::string> activations = forward_order(model.activations().table(), config.l);
  std::vector<std::string> gradients = names_of(model.gradients().table());
  std::reverse(gradients.begin(), gradients.end());
  for (int i = 0; i < batches && found.kind.empty(); ++i) {
    trainer.data().load(step * batches + i, tokens.data(), targets.data(), stream);
    model.forward(tokens.data(), targets.data(), loss.data(), stream);
    trainer.synchronize();
    found = first_of(model.activations(), activations, "activation");
    if (!found.kind.empty()) break;
    model.backward(tokens.data(), targets.data(), stream);
    trainer.synchronize();
    found = first_of(model.gradients(), gradients, "gradient");
  }
  return found;
}

std::string describe(const NotFinite& found) {
  return fmt::format("{} {} ({} of {} elements)", found.kind, found.name, found.bad, found.elements);
}

bool parameters_are_finite(Trainer& trainer) {
  Arena& parameters = trainer.model().parameters();
  const std::int64_t n = parameters.table().extent();
  DeviceBuffer<float> scratch(gradient_norm_scratch(n) + 2);
  gradient_norm(parameters.data(), scratch.data() + 2, scratch.data(), scratch.data() + 1, n,
                std::numeric_limits<float>::infinity(), trainer.options().stream);
  trainer.synchronize();
  return std::isfinite(scratch.download(1).front());
}

}  // namespace wb
