// A name or text that a file brought along, fit to stand in a message of one line.
#pragma once

#include <string>
#include <string_view>

namespace wb {

/// At most 100 bytes of it, with a question mark for each control character: a damaged file must not break
/// the line, nor steer the terminal.
inline std::string printable(std::string_view text) {
  std::string shown(text.substr(0, 100));
  for (char& character : shown) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7F) character = '?';
  }
  return shown;
}

}  // namespace wb
