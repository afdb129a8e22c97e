#include "07_tinyllama/trainer/checkpoint/byte_tokenizer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/checkpoint/json_file.h"
#include "common/core/error.h"

namespace wb {
namespace {

using nlohmann::json;

// A code point below 2048 as UTF-8.
std::string utf8(int code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

// The printable character by which byte-level tokenizers write a byte: itself where it is a visible character
// of Latin-1, else the next one from 256 on. The table is GPT-2's (Radford et al., 2019), in tokenizers too.
std::vector<std::string> byte_characters() {
  std::vector<std::string> characters;
  int next = 256;
  for (int byte = 0; byte < kByteTokens; ++byte) {
    const bool visible = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    characters.push_back(utf8(visible ? byte : next++));
  }
  return characters;
}

json tokenizer(int vocabulary) {
  json ids = json::object();
  const std::vector<std::string> characters = byte_characters();
  for (int id = 0; id < vocabulary; ++id) {
    const std::string name =
        id < kByteTokens ? characters[static_cast<std::size_t>(id)] : fmt::format("<unused_{}>", id);
    ids[name] = id;
  }
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", false}, {"use_regex", false}};
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens", json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", byte_level},
          {"post_processor", nullptr},
          {"decoder", byte_level},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", ids},
            {"merges", json::array()}}}};
}

}  // namespace

std::vector<std::pair<std::string, std::string>> byte_tokenizer_files(int vocabulary, int context) {
  if (vocabulary < kByteTokens) {
    throw Error(fmt::format("tokenizer: bytes need a vocabulary of at least {}, but the model's is {}",
                            kByteTokens, vocabulary));
  }
  const json settings = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"model_max_length", context},
                         {"clean_up_tokenization_spaces", false}};
  json generation = {
      {"bos_token_id", nullptr}, {"eos_token_id", nullptr}, {"pad_token_id", nullptr}, {"do_sample", true}};
  if (vocabulary > kByteTokens) {
    for (int id = kByteTokens; id < vocabulary; ++id) generation["suppress_tokens"].push_back(id);
  }
  return {{"tokenizer.json", tokenizer(vocabulary).dump() + "\n"},
          {"tokenizer_config.json", settings.dump(2) + "\n"},
          {"generation_config.json", generation.dump() + "\n"}};
}

bool has_byte_tokenizer(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer.json";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  const json document = read_json_object(path.string());
  const json model = document.value("model", json());
  if (!model.is_object() || model.value("merges", json()) != json::array()) return false;
  const json ids = model.value("vocab", json());
  if (!ids.is_object()) return false;
  const std::vector<std::string> characters = byte_characters();
  for (int byte = 0; byte < kByteTokens; ++byte) {
    if (ids.value(characters[static_cast<std::size_t>(byte)], json()) != byte) return false;
  }
  return true;
}

}  // namespace wb
