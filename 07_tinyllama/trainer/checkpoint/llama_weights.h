// The weights of a Llama in Hugging Face's layout: one safetensors file, or several with an index.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/arena.h"
#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"

namespace wb {

class LlamaWeights {
 public:
  /// Maps model.safetensors, or all files that model.safetensors.index.json names, and checks that they hold
  /// every tensor of `table` in its shape, as F32, BF16 or F16, and nothing that a model of `table` would
  /// ignore. Errors: throws wb::Error, one line that names file and tensor.
  LlamaWeights(const std::filesystem::path& folder, const TensorTable& table);

  /// Copies every tensor to the device, as fp32; waits. The arena is of the table that was checked.
  void upload(Arena& parameters) const;

 private:
  void add(const std::filesystem::path& path);

  std::vector<SafetensorsFile> files_;
  std::map<std::string, const TensorView*> tensors_;
};

}  // namespace wb
