// Splits C++ source into the tokens that the translator needs. Comments and white space are left out. Every
// token has its position, so that all other text can be passed through unchanged.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace simt::translator {

enum class TokenKind { kIdentifier, kNumber, kLiteral, kPunctuation };

struct Token {
  TokenKind kind;
  std::string_view text;  // one character of punctuation, or one of :: -> <= >=
  std::size_t offset;
  int line;
  int section;  // grows with every preprocessor conditional
};

/// Literals that never end, as in the dead text of an #if 0, count as punctuation. Rest-of-line text of
/// #include, #error, #warning, #pragma and #line yields no tokens; macro bodies do.
std::vector<Token> tokenize(std::string_view source);

}  // namespace simt::translator
