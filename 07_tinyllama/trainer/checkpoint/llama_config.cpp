#include "07_tinyllama/trainer/checkpoint/llama_config.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "common/core/error.h"

namespace wb {
namespace {

using nlohmann::json;

// One config.json while it is read. Absent entries mean what they mean to transformers.
class ConfigReader {
 public:
  ConfigReader(const json& document, std::string path) : document_(document), path_(std::move(path)) {}

  const json& at(const char* name) const {
    static const json null;
    const auto found = document_.find(name);
    return found == document_.end() ? null : *found;
  }
  int size(const char* name) const {
    if (at(name).is_null()) refuse(fmt::format("{} is missing", name));
    return size(name, 0);
  }
  int size(const char* name, int otherwise) const {
    const json& value = at(name);
    if (value.is_null()) return otherwise;
    const bool fits = value.is_number_integer() && value >= 1 && value <= std::numeric_limits<int>::max();
    if (!fits) refuse(fmt::format("{} is {}; it must be a whole number of 1 or more", name, value.dump()));
    return value.get<int>();
  }
  double number(const json& value, const char* name, double otherwise) const {
    if (value.is_null()) return otherwise;
    if (!value.is_number()) refuse(fmt::format("{} is {}; it must be a number", name, value.dump()));
    return value.get<double>();
  }
  // An entry that is absent, null or `wanted` is fine.
  void demand(const char* name, const json& wanted, const char* why) const {
    const json& value = at(name);
    if (value.is_null() || value == wanted) return;
    refuse(fmt::format("{} is {}: {}", name, value.dump().substr(0, 80), why));
  }
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(fmt::format("checkpoint: '{}': {}", path_, what));
  }

 private:
  const json& document_;
  std::string path_;
};

// transformers 5 has rope_parameters, 4 has rope_theta and rope_scaling: either is read.
double rope_base_of(const ConfigReader& reader) {
  const json& parameters = reader.at("rope_parameters");
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    const json& scaling = reader.at(name);
    if (scaling.is_null()) continue;
    if (!scaling.is_object()) reader.refuse(fmt::format("{} is {}", name, scaling.dump().substr(0, 80)));
    const json type = scaling.value("rope_type", scaling.value("type", json("default")));
    if (type != "default") {
      reader.refuse(fmt::format("{} is of type {}: only unscaled RoPE is computed here", name, type.dump()));
    }
  }
  const json nested = parameters.is_object() ? parameters.value("rope_theta", json()) : json();
  const double outer = reader.number(reader.at("rope_theta"), "rope_theta", 10000.0);
  return reader.number(nested, "rope_theta", outer);
}

}  // namespace

std::string llama_config_json(const ModelConfig& config) {
  const json document = {
      {"architectures", {"LlamaForCausalLM"}},
      {"model_type", "llama"},
      {"hidden_size", config.c},
      {"num_hidden_layers", config.l},
      {"num_attention_heads", config.h},
      {"num_key_value_heads", config.k},
      {"head_dim", config.d()},
      {"intermediate_size", config.f},
      {"vocab_size", config.v},
      {"max_position_embeddings", config.t},
      {"rms_norm_eps", shortest(config.epsilon)},
      {"rope_theta", config.rope_base},
      {"rope_scaling", nullptr},
      {"hidden_act", "silu"},
      {"attention_bias", false},
      {"mlp_bias", false},
      {"attention_dropout", 0.0},
      {"tie_word_embeddings", true},
      {"initializer_range", 0.02},
      {"torch_dtype", "float32"},
      {"use_cache", true},
      // A byte is a token: no id means "begin" or "end". transformers' defaults would be bytes 1 and 2.
      {"bos_token_id", nullptr},
      {"eos_token_id", nullptr},
      {"pad_token_id", nullptr},
  };
  return document.dump(2) + "\n";
}

ModelConfig read_llama_config(const std::filesystem::path& folder) {
  const std::string path = (folder / "config.json").string();
  const json document = read_json_object(path);
  const ConfigReader reader(document, path);
  if (reader.at("model_type") != "llama") {
    reader.refuse(
        fmt::format("model_type is {}; only \"llama\" is read here", reader.at("model_type").dump()));
  }
  reader.demand("hidden_act", "silu", "only silu is computed here");
  reader.demand("attention_bias", false, "projections have no bias here");
  reader.demand("mlp_bias", false, "projections have no bias here");
  reader.demand("quantization_config", json(), "quantized weights are not read here; save the model in fp32");
  reader.demand("sliding_window", json(), "attention has no window here");
  reader.demand("pretraining_tp", 1, "only 1 is computed here");
  // Absent means untied to transformers' Llama.
  if (reader.at("tie_word_embeddings") != true) {
    reader.refuse(
        "tie_word_embeddings is not true: a head of its own (lm_head.weight) is not computed here, the "
        "embedding "
        "is the head");
  }

  ModelConfig config = {.c = reader.size("hidden_size"),
                        .l = reader.size("num_hidden_layers"),
                        .h = reader.size("num_attention_heads"),
                        .f = reader.size("intermediate_size"),
                        .v = reader.size("vocab_size"),
                        .b = 1,
                        .t = reader.size("max_position_embeddings", 2048)};
  config.k = reader.size("num_key_value_heads", config.h);
  config.rope_base = rope_base_of(reader);
  config.epsilon = static_cast<float>(reader.number(reader.at("rms_norm_eps"), "rms_norm_eps", 1e-6));
  try {
    validate(config);
  } catch (const Error& error) {
    reader.refuse(error.what());
  }
  const int head_dim = reader.size("head_dim", config.d());
  if (head_dim != config.d()) {
    reader.refuse(
        fmt::format("head_dim is {}, but hidden_size / num_attention_heads is {}: only equal ones are "
                    "computed here",
                    head_dim, config.d()));
  }
  return config;
}

}  // namespace wb
