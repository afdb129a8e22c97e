// Tokens in files, read where they are asked for: a terabyte costs no more to open than a page. Files are not
// mapped: one that is cut short meanwhile is an error in words, and no SIGBUS.
//
// A token is one byte of text, or a little-endian 16-bit number as the preparation scripts of nanoGPT write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace wb {

enum class TokenWidth { kByte = 1, kUint16 = 2 };

/// A stretch of tokens, in one or several open files. Cheap to copy: copies share the files.
class Tokens {
 public:
  /// The files one after another. Errors: no file, or one that is unreadable, empty, no regular file (a
  /// folder, a device, a pipe) or, for 16-bit tokens, of an odd size throws wb::Error, one line, without
  /// waiting.
  static Tokens open(const std::vector<std::string>& paths, TokenWidth width);
  /// A copy of what is in memory.
  static Tokens copy_of(const void* tokens, std::int64_t count, TokenWidth width);

  std::int64_t size() const { return end_ - begin_; }
  TokenWidth width() const { return width_; }
  int bytes_per_token() const { return static_cast<int>(width_); }
  /// "shakespeare.txt", "README.md and 11 more": the files' names.
  const std::string& name() const { return name_; }

  /// Tokens [begin, end) of these. Errors: a range outside throws wb::Error.
  Tokens part(std::int64_t begin, std::int64_t end) const;
  /// Copies `count` tokens from `begin` on, `bytes_per_token` bytes each. Errors: as part, and a file that
  /// can no longer be read, or was cut short, throws wb::Error naming it.
  void copy(std::int64_t begin, std::int64_t count, void* out) const;
  /// The same as integers.
  void copy(std::int64_t begin, std::int64_t count, int* out) const;
  /// The largest token; reads all of them. -1 for none.
  int largest() const;

 private:
  struct Piece;
  // Calls visit(first byte, tokens) for each contiguous stretch of [begin, begin + count).
  template <class Visitor>
  void for_each_stretch(std::int64_t begin, std::int64_t count, Visitor&& visit) const;

  std::shared_ptr<const std::vector<Piece>> pieces_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
  TokenWidth width_ = TokenWidth::kByte;
  std::string name_;
};

}  // namespace wb
