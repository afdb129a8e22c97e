// The tokenizer of models that were trained on bytes, as files that transformers reads.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace wb {

inline constexpr int kByteTokens = 256;  // ids 0 to 255 are the bytes of these values

/// tokenizer.json, tokenizer_config.json and generation_config.json: name and text of each. Every byte is a
/// token and there are no merges. Ids from 256 to vocabulary - 1 exist in the model but stand for nothing:
/// they have names in the tokenizer, so that whatever a model emits can be decoded, and generation suppresses
/// them. `context` is the longest sequence. Errors: vocabulary < 256 throws wb::Error.
std::vector<std::pair<std::string, std::string>> byte_tokenizer_files(int vocabulary, int context);

/// Whether the tokenizer.json in `folder` is one of these. Errors: a damaged one throws wb::Error.
bool has_byte_tokenizer(const std::filesystem::path& folder);

}  // namespace wb
