// Bytes that become text while they arrive: whole characters only, and nothing of a text that ends it.
#pragma once

#include <string>
#include <string_view>

namespace wb {

/// How many bytes at the end of `text` begin a UTF-8 character that is not complete: 0 to 3.
std::size_t incomplete_utf8(std::string_view text);

/// `text` as valid UTF-8: each byte that belongs to no character becomes U+FFFD.
std::string valid_utf8(std::string_view text);

class TextStream {
 public:
  /// `stop`: the text that ends the stream; empty: none.
  explicit TextStream(std::string stop = "") : stop_(std::move(stop)) {}

  /// Takes a byte; what may be shown now, as valid UTF-8. Held back: an incomplete character, and what may
  /// become the stop text.
  std::string push(unsigned char byte);
  /// Whether the stop text has come. It and what follows are not shown.
  bool stopped() const { return stopped_; }
  /// The rest, at the end.
  std::string finish();

 private:
  std::string stop_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace wb
