// safetensors: any file is read or refused, and what is read lies inside the file, without holes or overlaps.
#include "07_tinyllama/trainer/checkpoint/safetensors_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "common/core/error.h"
#include "tools/proofs/fuzz/fuzz.h"

namespace wb::fuzz {
namespace {

[[maybe_unused]] volatile std::byte g_read;

std::string with_size(const std::string& header, std::size_t data_bytes) {
  std::string file;
  for (int byte = 0; byte < 8; ++byte) file += static_cast<char>(std::uint64_t{header.size()} >> (8 * byte));
  return file + header + std::string(data_bytes, '\x3e');
}

// A file in memory, under a name of its own.
const std::string& path() {
  static const int file = memfd_create("fuzz", 0);
  static const std::string name = "/proc/self/fd/" + std::to_string(file);
  return name;
}

void write_whole(std::string_view input) {
  static const int file = std::atoi(path().substr(path().rfind('/') + 1).c_str());
  if (ftruncate(file, 0) != 0) std::abort();
  if (pwrite(file, input.data(), input.size(), 0) != static_cast<ssize_t>(input.size())) std::abort();
}

}  // namespace

void try_input(std::string_view input) {
  write_whole(input);
  try {
    const SafetensorsFile file(path());
    std::size_t bytes = 0;
    for (const auto& [name, tensor] : file.tensors()) {
      bytes += tensor.bytes.size();
      if (static_cast<std::uint64_t>(tensor.elements()) * bytes_of_dtype(tensor.dtype) != tensor.bytes.size())
        std::abort();
      // Both ends must be there to be read.
      if (!tensor.bytes.empty()) g_read = tensor.bytes.front() ^ tensor.bytes.back();
    }
    if (bytes > input.size()) std::abort();
  } catch (const Error&) {
  }
}

std::vector<std::string> seeds() {
  return {
      with_size(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24),
      with_size(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]},)"
                R"("b.weight":{"dtype":"I64","shape":[1,2],"data_offsets":[8,24]}})",
                24),
      with_size(
          R"({"empty":{"dtype":"F16","shape":[0,7],"data_offsets":[0,0]},"s":{"dtype":"F64","shape":[],)"
          R"("data_offsets":[0,8]}})",
          8),
      with_size("{}", 0)};
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
          "\\",
          "null",
          "true",
          "\"dtype\"",
          "\"shape\"",
          "\"data_offsets\"",
          "\"__metadata__\"",
          "\"F32\"",
          "\"BF16\"",
          "\"F8_E4M3\"",
          "[0,0]",
          "[0,24]",
          "\"a\":",
          std::string(8, '\xff'),
          std::string(4, '\0'),
          "\xc3\x28",
          "[[[[[[[["};
}

}  // namespace wb::fuzz
