#include "07_tinyllama/trainer/checkpoint/llama_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "07_tinyllama/trainer/printable.h"
#include "common/core/error.h"

namespace wb {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

std::set<std::string> files_of_index(const fs::path& path) {
  const nlohmann::json document = read_json_object(path.string());
  const auto map = document.find("weight_map");
  std::set<std::string> files;
  if (map != document.end() && map->is_object()) {
    for (const auto& [name, file] : map->items()) {
      const bool plain = file.is_string() && file.get<std::string>().find('/') == std::string::npos;
      if (!plain) {
        throw Error(fmt::format("checkpoint: '{}': the file of '{}' is no plain name", path.string(),
                                printable(name)));
      }
      files.insert(file.get<std::string>());
    }
  }
  if (files.empty()) throw Error(fmt::format("checkpoint: '{}' has no weight_map", path.string()));
  return files;
}

// What older programs saved although it follows from the configuration, or is a copy of the tied head.
bool is_redundant(const std::string& name) {
  return name.ends_with("rotary_emb.inv_freq") || name == "lm_head.weight";
}

}  // namespace

LlamaWeights::LlamaWeights(const fs::path& folder, const TensorTable& table) {
  std::set<std::string> names = {kSingle};
  if (!fs::exists(folder / kSingle) && fs::exists(folder / kIndex)) names = files_of_index(folder / kIndex);
  files_.reserve(names.size());
  std::map<std::string, std::string> origin;
  for (const std::string& name : names) {
    files_.emplace_back((folder / name).string());
    for (const auto& [tensor, view] : files_.back().tensors()) {
      if (!tensors_.emplace(tensor, &view).second) {
        throw Error(
            fmt::format("checkpoint: '{}' is in two files of '{}'", printable(tensor), folder.string()));
      }
    }
  }
  const auto refuse = [&](const std::string& what) {
    throw Error(fmt::format("checkpoint: the weights in '{}': {}", folder.string(), what));
  };
  for (const TensorEntry& entry : table.entries()) {
    const auto found = tensors_.find(entry.name);
    if (found == tensors_.end()) refuse(fmt::format("{} is missing", entry.name));
    const TensorView& view = *found->second;
    if (view.shape != entry.shape) {
      refuse(fmt::format("{} has the shape ({}), but config.json makes it ({})", entry.name,
                         fmt::join(view.shape, ", "), fmt::join(entry.shape, ", ")));
    }
    if (view.dtype != "F32" && view.dtype != "BF16" && view.dtype != "F16") {
      refuse(fmt::format("{} is {}; F32, BF16 and F16 can be read", entry.name, view.dtype));
    }
  }
  for (const auto& [name, view] : tensors_) {
    if (!table.contains(name) && !is_redundant(name)) {
      refuse(fmt::format("{} has no place in this model", printable(name)));
    }
  }
}

void LlamaWeights::upload(Arena& parameters) const {
  for (const TensorEntry& entry : parameters.table().entries()) {
    const TensorView& view = *tensors_.at(entry.name);
    if (view.dtype == "F32") {
      // Straight from the mapped file: no second copy of a large model in memory.
      if (view.bytes.empty()) continue;
      WB_CUDA_CHECK(cudaMemcpy(parameters.at(entry.name), view.bytes.data(), view.bytes.size(),
                               cudaMemcpyHostToDevice));
    } else {
      parameters.upload(entry.name, floats_of(view));
    }
  }
}

}  // namespace wb
