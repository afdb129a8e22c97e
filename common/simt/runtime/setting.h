// Numbers in environment variables.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <optional>

namespace simt::detail {

/// The number in `text`, if all of `text` is a number from `least` to `most`.
inline std::optional<long> whole_number(const char* text, long least, long most) {
  char* end = nullptr;
  errno = 0;
  const long number = std::strtol(text, &end, 10);
  if (end == text || *end != '\0' || errno != 0 || number < least || number > most) return {};
  return number;
}

}  // namespace simt::detail
