#include "07_tinyllama/trainer/checkpoint/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "07_tinyllama/trainer/checkpoint/byte_tokenizer.h"
#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "07_tinyllama/trainer/checkpoint/llama_config.h"
#include "07_tinyllama/trainer/checkpoint/llama_weights.h"
#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"
#include "07_tinyllama/trainer/printable.h"

namespace wb {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using Texts = std::map<std::string, std::string>;

constexpr std::size_t kPart = std::size_t{4} << 20;  // floats that are on the host at a time: 16 MiB

TensorSource from_device(std::string name, std::vector<std::int64_t> shape, const float* data) {
  const auto elements = static_cast<std::size_t>(TensorView{"", shape, {}}.elements());
  return {
      std::move(name), "F32", std::move(shape), [data, elements](const auto& write) {
        std::vector<float> part(std::min(elements, kPart));
        for (std::size_t at = 0; at < elements; at += kPart) {
          const std::size_t count = std::min(kPart, elements - at);
          WB_CUDA_CHECK(cudaMemcpy(part.data(), data + at, count * sizeof(float), cudaMemcpyDeviceToHost));
          write(std::as_bytes(std::span(part.data(), count)));
        }
      }};
}

std::vector<TensorSource> sources_of(Arena& parameters) {
  std::vector<TensorSource> sources;
  for (const TensorEntry& entry : parameters.table().entries()) {
    sources.push_back(from_device(entry.name, entry.shape, parameters.at(entry.name)));
  }
  return sources;
}

// The facts of the run that saves or resumes, those included that the trainer knows itself.
Texts facts_of(const Trainer& trainer, const CheckpointNotes& notes) {
  Texts facts = notes.facts;
  const TrainerOptions& options = trainer.options();
  facts["batch"] =
      fmt::format("{} x {} x {}", options.gradient_accumulation, options.config.b, options.config.t);
  facts["optimizer"] = name_of(options.optimizer);
  return facts;
}

void require_same_model(const fs::path& checkpoint, const ModelConfig& ours) {
  ModelConfig theirs = read_llama_config(checkpoint);
  theirs.b = ours.b;
  theirs.t = ours.t;
  const bool same = describe(theirs) == describe(ours) && theirs.rope_base == ours.rope_base &&
                    theirs.epsilon == ours.epsilon;
  if (same) return;
  throw Error(
      fmt::format("checkpoint: '{}' is of another model: {}, RoPE base {}, epsilon {} there; {}, {}, {} "
                  "here",
                  checkpoint.string(), describe(theirs), theirs.rope_base, theirs.epsilon, describe(ours),
                  ours.rope_base, ours.epsilon));
}

void require_same_facts(const fs::path& checkpoint, const Texts& saved, const Texts& ours) {
  for (const auto& [name, value] : ours) {
    const auto found = saved.find(name);
    const std::string before = found == saved.end() ? "not given" : found->second;
    if (before == value) continue;
    throw Error(
        fmt::format("checkpoint: '{}' was trained with another {}: '{}' then, '{}' now; give the same "
                    "again, or start a new run",
                    checkpoint.string(), name, printable(before), printable(value)));
  }
}

void require_same_optimizer(const SafetensorsFile& file, const std::vector<StateTensor>& state) {
  const auto refuse = [&](const std::string& what) {
    throw Error(fmt::format("checkpoint: '{}' is of another optimizer: {}", file.file().path(), what));
  };
  for (const StateTensor& tensor : state) {
    const auto found = file.tensors().find(tensor.name);
    if (found == file.tensors().end()) refuse(tensor.name + " is missing");
    if (found->second.shape != tensor.shape || found->second.dtype != "F32") {
      refuse(fmt::format("{} is {} ({}), F32 ({}) here", tensor.name, found->second.dtype,
                         fmt::join(found->second.shape, ", "), fmt::join(tensor.shape, ", ")));
    }
  }
  if (file.tensors().size() != state.size()) {
    refuse(fmt::format("it has {} tensors, {} here", file.tensors().size(), state.size()));
  }
}

Texts texts_of(const json& document, const char* name) {
  Texts texts;
  const auto found = document.find(name);
  if (found == document.end() || !found->is_object()) return texts;
  for (const auto& [key, value] : found->items()) {
    if (value.is_string()) texts[key] = value.get<std::string>();
  }
  return texts;
}

}  // namespace

fs::path save_checkpoint(CheckpointStore& store, Trainer& trainer, const CheckpointNotes& notes) {
  trainer.synchronize();
  const ModelConfig& config = trainer.options().config;
  return store.commit(trainer.steps_done(), [&](const fs::path& folder) {
    Manifest written;
    const auto text = [&](const std::string& name, const std::string& content) {
      written[name] = write_durably((folder / name).string(), content);
    };
    const auto tensors = [&](const std::string& name, const std::vector<TensorSource>& sources) {
      written[name] = write_safetensors_file((folder / name).string(), sources);
    };
    text("config.json", llama_config_json(config));
    tensors("model.safetensors", sources_of(trainer.model().parameters()));
    if (notes.tokens_are_bytes && config.v >= kByteTokens) {
      for (const auto& [name, content] : byte_tokenizer_files(config.v, config.t)) text(name, content);
    }
    std::vector<TensorSource> state;
    for (const StateTensor& tensor : trainer.optimizer().state()) {
      state.push_back(from_device(tensor.name, tensor.shape, tensor.data));
    }
    tensors("optimizer.safetensors", state);
    const json document = {
        {"step", trainer.steps_done()}, {"facts", facts_of(trainer, notes)}, {"memory", notes.memory}};
    text("trainer_state.json", document.dump(2) + "\n");
    return written;
  });
}

CheckpointState read_checkpoint_state(const fs::path& checkpoint) {
  const fs::path path = checkpoint / "trainer_state.json";
  std::error_code error;
  if (!fs::exists(path, error)) {
    throw Error(fmt::format("checkpoint: '{}' holds a model but no trainer_state.json: nothing to resume",
                            checkpoint.string()));
  }
  const json document = read_json_object(path.string());
  const json step = document.value("step", json());
  if (!step.is_number_unsigned() || step > 2147483647) {
    throw Error(fmt::format("checkpoint: '{}' has no step", path.string()));
  }
  return {step.get<int>(), texts_of(document, "facts"), texts_of(document, "memory")};
}

CheckpointState load_checkpoint(const fs::path& path, Trainer& trainer, const CheckpointNotes& notes) {
  const fs::path checkpoint = find_checkpoint(path);
  verify_manifest(checkpoint);
  CheckpointState state = read_checkpoint_state(checkpoint);
  require_same_model(checkpoint, trainer.options().config);
  require_same_facts(checkpoint, state.facts, facts_of(trainer, notes));
  const std::vector<StateTensor> tensors = trainer.optimizer().state();
  const SafetensorsFile optimizer((checkpoint / "optimizer.safetensors").string());
  require_same_optimizer(optimizer, tensors);
  const LlamaWeights weights(checkpoint, trainer.model().parameters().table());

  trainer.synchronize();
  weights.upload(trainer.model().parameters());
  for (const StateTensor& tensor : tensors) {
    const auto bytes = optimizer.tensors().at(tensor.name).bytes;
    if (!bytes.empty()) {
      WB_CUDA_CHECK(cudaMemcpy(tensor.data, bytes.data(), bytes.size(), cudaMemcpyHostToDevice));
    }
  }
  trainer.resume_at(state.step);
  return state;
}

void load_weights(const fs::path& checkpoint, const ModelConfig& config, Arena& parameters) {
  verify_manifest(checkpoint);
  const LlamaWeights weights(checkpoint, parameter_table(config));
  weights.upload(parameters);
}

}  // namespace wb
