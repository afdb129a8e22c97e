// The JSON files of a checkpoint: any text is read or refused in one line, and what is read is a legal model.
#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "07_tinyllama/trainer/checkpoint/byte_tokenizer.h"
#include "07_tinyllama/trainer/checkpoint/checkpoint_store.h"
#include "07_tinyllama/trainer/checkpoint/llama_config.h"
#include "common/core/error.h"
#include "tools/proofs/fuzz/fuzz.h"

namespace wb::fuzz {
namespace {

// One folder for the whole run, in memory where the system has such a place.
class Folder {
 public:
  Folder() {
    char name[] = "/dev/shm/wb_fuzz_XXXXXX";
    char other[] = "/tmp/wb_fuzz_XXXXXX";
    const char* made = mkdtemp(name);
    if (made == nullptr) made = mkdtemp(other);
    if (made == nullptr) std::abort();
    path_ = made;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class Read>
void read_or_refuse(Read read) {
  try {
    read();
  } catch (const Error& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
}

}  // namespace

void try_input(std::string_view input) {
  static const Folder folder;
  for (const char* name : {"config.json", "tokenizer.json", "manifest.json"}) {
    std::ofstream(folder.path() / name, std::ios::binary) << input;
  }
  read_or_refuse([] { validate(read_llama_config(folder.path())); });
  read_or_refuse([] { has_byte_tokenizer(folder.path()); });
  read_or_refuse([] { verify_manifest(folder.path()); });
}

std::vector<std::string> seeds() {
  const ModelConfig config = {.c = 32, .l = 2, .h = 4, .k = 2, .f = 64, .v = 300, .b = 1, .t = 16};
  return {
      llama_config_json(config),
      R"({"model_type":"llama","hidden_size":48,"num_hidden_layers":2,"num_attention_heads":4,)"
      R"("intermediate_size":80,"vocab_size":320,"tie_word_embeddings":true,)"
      R"("rope_parameters":{"rope_theta":10000.0,"rope_type":"default"}})",
      byte_tokenizer_files(256, 16).front().second,
      R"({"kind":"workbook checkpoint","version":1,"files":{"config.json":{"bytes":3,"crc32":"00000000"}}})"};
}

std::vector<std::string> words() {
  return {"{",
          "}",
          "[",
          "]",
          ":",
          ",",
          "\"",
          "\\u0000",
          "\n",
          "\\n",
          "null",
          "true",
          "-1",
          "1e400",
          "0.5",
          "99999999999999999999",
          "2147483648",
          "\"hidden_size\":",
          "\"head_dim\":",
          "\"rope_scaling\":",
          "\"rope_parameters\":",
          "\"rope_type\":",
          "\"default\"",
          "\"files\":",
          "\"bytes\":",
          "\"crc32\":",
          "\"../config.json\":",
          "\"vocab\":",
          "\"merges\":",
          "\xff",
          "\xc3\x28",
          "[[[[[[[[",
          "{\"a\":{\"a\":"};
}

}  // namespace wb::fuzz
