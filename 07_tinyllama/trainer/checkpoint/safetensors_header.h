// The JSON header of a safetensors file, read by events: what does not belong in one is refused where it
// stands, and memory goes to tensors that are there, never to what a hostile header spells.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wb {

struct HeaderEntry {
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // bytes from the header's end
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, HeaderEntry> tensors;
  std::map<std::string, std::string> metadata;
};

/// Errors: throws wb::Error that says what is wrong, without the file's name. Sizes and offsets are as the
/// header gives them: check_layout() compares them.
SafetensorsHeader parse_safetensors_header(std::string_view text);

/// Every tensor has a known dtype, its shape fits its bytes, and all of them fill [0, data_bytes) without
/// holes or overlaps. Errors: throws wb::Error naming the tensor.
void check_layout(const SafetensorsHeader& header, std::uint64_t data_bytes);

}  // namespace wb
