// What `sample` is asked to do.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/sample/sampler.h"
#include "common/core/error.h"

namespace wb {

struct SampleOptions {
  std::filesystem::path checkpoint;  // a checkpoint, or the folder of a run
  std::string prompt = "\n";
  int tokens = 200;
  SamplerOptions sampler;
  std::string stop;
  bool slide = false;  // when the context is full, go on from its latest half
  std::string kernels = "auto";
  // Instead of text: the logits (n, V) after each of these tokens, or of the prompt's, as a safetensors file.
  std::filesystem::path logits;
  std::vector<int> ids;
};

/// Bad input: the message is one line, and the program exits with 2.
class SampleUsageError : public Error {
 public:
  using Error::Error;
};

/// nullopt after --help, whose text is then in `answer`. Errors: throws SampleUsageError.
std::optional<SampleOptions> parse_sample_options(int argc, const char* const* argv, std::string& answer);

}  // namespace wb
