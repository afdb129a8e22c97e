#include "07_tinyllama/sample/text_stream.h"

#include <algorithm>

namespace wb {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

unsigned char at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// The length that a first byte announces; 0 for a byte that begins no character.
std::size_t announced(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

// Whether `byte` may come second: this rules out long forms, surrogates and what lies beyond U+10FFFF.
bool may_be_second(unsigned char first, unsigned char byte) {
  if (first == 0xE0) return byte >= 0xA0 && byte <= 0xBF;
  if (first == 0xED) return byte >= 0x80 && byte <= 0x9F;
  if (first == 0xF0) return byte >= 0x90 && byte <= 0xBF;
  if (first == 0xF4) return byte >= 0x80 && byte <= 0x8F;
  return byte >= 0x80 && byte <= 0xBF;
}

// Bytes of the character at `i` that are there and fit; complete if that is its announced length.
std::size_t fitting(std::string_view text, std::size_t i) {
  const std::size_t length = announced(at(text, i));
  std::size_t count = length == 0 ? 0 : 1;
  while (count > 0 && count < length && i + count < text.size()) {
    const unsigned char byte = at(text, i + count);
    const bool fits = count == 1 ? may_be_second(at(text, i), byte) : byte >= 0x80 && byte <= 0xBF;
    if (!fits) break;
    ++count;
  }
  return count;
}

}  // namespace

std::size_t incomplete_utf8(std::string_view text) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
    const std::size_t i = text.size() - back;
    const std::size_t length = announced(at(text, i));
    if (length == 0) continue;
    return fitting(text, i) == back && back < length ? back : 0;
  }
  return 0;
}

std::string valid_utf8(std::string_view text) {
  std::string valid;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = announced(at(text, i));
    if (length != 0 && fitting(text, i) == length) {
      valid += text.substr(i, length);
      i += length;
    } else {
      valid += kReplacement;
      ++i;
    }
  }
  return valid;
}

std::string TextStream::push(unsigned char byte) {
  if (stopped_) return "";
  held_ += static_cast<char>(byte);
  const std::size_t found = stop_.empty() ? std::string::npos : held_.find(stop_);
  if (found != std::string::npos) {
    stopped_ = true;
    const std::string shown = valid_utf8(std::string_view(held_).substr(0, found));
    held_.clear();
    return shown;
  }
  // Hold back the longest end that the stop text begins with, or an incomplete character, whichever is
  // longer.
  std::size_t held = incomplete_utf8(held_);
  for (std::size_t n = std::min(held_.size(), stop_.empty() ? 0 : stop_.size() - 1); n > held; --n) {
    if (std::string_view(held_).ends_with(std::string_view(stop_).substr(0, n))) held = n;
  }
  const std::string shown = valid_utf8(std::string_view(held_).substr(0, held_.size() - held));
  held_.erase(0, held_.size() - held);
  return shown;
}

std::string TextStream::finish() {
  const std::string shown = valid_utf8(held_);
  held_.clear();
  return shown;
}

}  // namespace wb
