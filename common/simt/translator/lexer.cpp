#include "translator/lexer.h"

#include <cctype>
#include <string>

namespace simt::translator {
namespace {

bool starts_identifier(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || c < 0;
}
bool continues_identifier(char c) {
  return starts_identifier(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (position_ < source_.size()) step();
    return std::move(tokens_);
  }

 private:
  char at(std::size_t offset) const { return offset < source_.size() ? source_[offset] : '\0'; }
  bool here(std::string_view text) const { return source_.substr(position_).starts_with(text); }

  // A backslash at the end of a line joins it with the next.
  std::size_t splice_length(std::size_t offset) const {
    if (at(offset) != '\\') return 0;
    if (at(offset + 1) == '\n') return 2;
    return at(offset + 1) == '\r' && at(offset + 2) == '\n' ? 3 : 0;
  }

  void skip_to(std::size_t end) {
    for (; position_ < end && position_ < source_.size(); ++position_) line_ += source_[position_] == '\n';
  }

  void emit(TokenKind kind, std::size_t end) {
    tokens_.push_back({kind, source_.substr(position_, end - position_), position_, line_, section_});
    skip_to(end);
    line_start_ = false;
  }

  void step() {
    const char c = source_[position_];
    if (c == '\n') {
      line_start_ = true;
      skip_to(position_ + 1);
    } else if (const std::size_t splice = splice_length(position_)) {
      skip_to(position_ + splice);
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      skip_to(position_ + 1);
    } else if (here("//")) {
      skip_to(end_of_line(position_));
    } else if (here("/*")) {
      const std::size_t end = source_.find("*/", position_ + 2);
      skip_to(end == std::string_view::npos ? source_.size() : end + 2);
    } else if (c == '#' && line_start_) {
      directive();
    } else if (starts_identifier(c)) {
      identifier();
    } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 ||
               (c == '.' && std::isdigit(static_cast<unsigned char>(at(position_ + 1))) != 0)) {
      number();
    } else if (c == '"' || c == '\'') {
      quoted(position_, c);
    } else {
      const bool pair = here("::") || here("->") || here("<=") || here(">=");
      emit(TokenKind::kPunctuation, position_ + (pair ? 2 : 1));
    }
  }

  // The newline that ends the logical line.
  std::size_t end_of_line(std::size_t offset) const {
    while (offset < source_.size() && source_[offset] != '\n') {
      const std::size_t splice = splice_length(offset);
      offset += splice != 0 ? splice : 1;
    }
    return offset;
  }

  void directive() {
    line_start_ = false;
    std::size_t end = position_ + 1;
    while (at(end) == ' ' || at(end) == '\t') ++end;
    const std::size_t name = end;
    while (continues_identifier(at(end))) ++end;
    const std::string_view word = source_.substr(name, end - name);
    section_ += word.starts_with("if") || word.starts_with("el") || word == "endif";
    const bool free_text = word == "include" || word == "error" || word == "warning" || word == "pragma" ||
                           word == "line" || word == "import" || word == "include_next";
    skip_to(free_text ? end_of_line(end) : end);
  }

  void identifier() {
    std::size_t end = position_ + 1;
    while (continues_identifier(at(end))) ++end;
    const std::string_view word = source_.substr(position_, end - position_);
    const bool prefix = word == "u8" || word == "u" || word == "U" || word == "L";
    const bool raw = word == "R" || word == "u8R" || word == "uR" || word == "UR" || word == "LR";
    if (raw && at(end) == '"') {
      raw_string(end);
    } else if (prefix && (at(end) == '"' || at(end) == '\'')) {
      quoted(end, at(end));
    } else {
      emit(TokenKind::kIdentifier, end);
    }
  }

  // Digits, letters, points, digit separators, signs after an exponent.
  void number() {
    std::size_t end = position_ + 1;
    for (;; ++end) {
      const char c = at(end), before = at(end - 1);
      const bool exponent = before == 'e' || before == 'E' || before == 'p' || before == 'P';
      if (continues_identifier(c) || c == '.') continue;
      if (c == '\'' && continues_identifier(at(end + 1))) continue;
      if ((c == '+' || c == '-') && exponent) continue;
      break;
    }
    emit(TokenKind::kNumber, end);
  }

  void quoted(std::size_t open, char quote) {
    std::size_t end = open + 1;
    while (end < source_.size() && source_[end] != quote && source_[end] != '\n') {
      const std::size_t splice = splice_length(end);
      end += splice != 0 ? splice : source_[end] == '\\' ? 2 : 1;
    }
    if (at(end) == quote) {
      emit(TokenKind::kLiteral, end + 1);
    } else {
      emit(TokenKind::kPunctuation, open + 1);
    }
  }

  void raw_string(std::size_t open) {
    const std::size_t parenthesis = source_.find('(', open);
    if (parenthesis == std::string_view::npos) return emit(TokenKind::kPunctuation, source_.size());
    std::string closing = ")" + std::string(source_.substr(open + 1, parenthesis - open - 1)) + "\"";
    const std::size_t end = source_.find(closing, parenthesis);
    emit(TokenKind::kLiteral, end == std::string_view::npos ? source_.size() : end + closing.size());
  }

  std::string_view source_;
  std::size_t position_ = 0;
  int line_ = 1;
  int section_ = 0;
  bool line_start_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace simt::translator
