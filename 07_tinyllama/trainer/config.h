// The shape of a Llama and of its batch, and the presets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wb {

/// Letters as everywhere in the workbook. Pass it through validate() before building a model of it.
struct ModelConfig {
  int c = 0;  // model width
  int l = 0;  // layers
  int h = 0;  // query heads; divides c
  int k = 0;  // key/value heads; divides h
  int f = 0;  // feed-forward width
  int v = 0;  // vocabulary
  int b = 0;  // sequences in a batch
  int t = 0;  // tokens in a sequence
  double rope_base = 10000.0;
  float epsilon = 1e-5f;  // of every rmsnorm

  int d() const { return c / h; }       // head width
  int tokens() const { return b * t; }  // in a batch
};

/// Throws wb::Error, one line that names the value and a legal one, unless a model of this shape can be
/// built.
void validate(const ModelConfig& config);

/// `nano` (for the CPU device), `shakespeare` (for a megabyte of text on a GPU), `small`, `medium` or
/// `tinyllama`; `nano_long` and `small_long`, whose sequences are long, are the journey's. Errors: another
/// name throws wb::Error listing them.
ModelConfig preset(std::string_view name);
std::vector<std::string> preset_names();

/// "C 64, L 2, H 4, K 2, F 256, V 1000, B 4, T 64"
std::string describe(const ModelConfig& config);

}  // namespace wb
