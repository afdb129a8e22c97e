// config.json of a Llama in Hugging Face's layout, to and from our shape.
#pragma once

#include <filesystem>
#include <string>

#include "07_tinyllama/trainer/config.h"

namespace wb {

/// The text of config.json for LlamaForCausalLM: fp32, tied embeddings, half-split RoPE, no end-of-text
/// token.
std::string llama_config_json(const ModelConfig& config);

/// The shape of the model in `folder`, with B = 1 and T = its max_position_embeddings, validated.
/// Errors: no or a damaged config.json, and everything that our kernels do not compute (another architecture,
/// an untied head, biases, scaled RoPE, another activation, a head width other than C / H, sliding windows,
/// quantized weights), throws wb::Error, one line that names the entry.
ModelConfig read_llama_config(const std::filesystem::path& folder);

}  // namespace wb
