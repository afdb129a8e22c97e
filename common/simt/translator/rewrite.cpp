#include "translator/rewrite.h"

#include <algorithm>
#include <map>
#include <vector>

#include "translator/lexer.h"
#include "translator/refused.h"

namespace simt::translator {
namespace {

class Rewriter {
 public:
  explicit Rewriter(std::string_view source) : source_(source), tokens_(tokenize(source)) {}

  std::string run() {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const std::string_view text = tokens_[i].text;
      if (tokens_[i].kind == TokenKind::kIdentifier) {
        if (const auto reason = reason_to_refuse(tokens_, i)) throw Error(tokens_[i].line, *reason);
        if (text == "__shared__") shared(i);
        if (text == "__noinline__" && !is(i - 1, "(")) replace(i, "__attribute__((noinline))");
      } else if (is_triple(i, "<") && !is(i - 1, "operator")) {
        i = launch(i);
      }
    }
    return apply();
  }

 private:
  // Index arithmetic may go past either end, where there is no token.
  bool exists(std::size_t i) const { return i < tokens_.size(); }
  bool is(std::size_t i, std::string_view text) const { return exists(i) && tokens_[i].text == text; }
  bool is_identifier(std::size_t i) const { return exists(i) && tokens_[i].kind == TokenKind::kIdentifier; }

  bool is_triple(std::size_t i, std::string_view angle) const {
    return is(i, angle) && is(i + 1, angle) && is(i + 2, angle) &&
           tokens_[i].offset + 2 == tokens_[i + 2].offset;
  }

  // A token may span several lines (a string with a spliced line end). Keep its lines.
  void replace(std::size_t i, std::string text) {
    const std::string_view old = tokens_[i].text;
    text.append(static_cast<std::size_t>(std::count(old.begin(), old.end(), '\n')), '\n');
    edits_[tokens_[i].offset] = {tokens_[i].text.size(), std::move(text)};
  }
  void insert_before(std::size_t i, const std::string& text) {
    auto& edit = edits_[tokens_[i].offset];
    edit.text = text + edit.text;
  }

  std::string apply() const {
    std::string output;
    std::size_t position = 0;
    for (const auto& [offset, edit] : edits_) {
      if (offset < position) {
        const auto above = source_.substr(0, offset);
        throw Error(1 + static_cast<int>(std::count(above.begin(), above.end(), '\n')),
                    "cannot tell apart what is launched and what is declared here");
      }
      output += source_.substr(position, offset - position);
      output += edit.text;
      position = offset + edit.length;
    }
    return output + std::string(source_.substr(position));
  }

  // kernel<<<grid, block>>>(...)  ->  ::simt::launcher(SIMT_KERNEL(kernel), grid, block)(...)
  std::size_t launch(std::size_t open) {
    const std::size_t kernel = start_of_kernel(open);
    const std::size_t close = end_of_configuration(open + 3);
    insert_before(kernel, "::simt::launcher(SIMT_KERNEL(");
    edits_[tokens_[open].offset] = {3, "), "};
    edits_[tokens_[close].offset] = {3, ")"};
    return open + 2;
  }

  // Walk back over `ns::object->name<arguments>`, `(expression)`, `table[i]`, `get(x)`.
  std::size_t start_of_kernel(std::size_t open) const {
    const int line = tokens_[open].line;
    std::size_t i = open;  // the first token taken so far
    for (;;) {
      if (is(i - 1, ">")) {
        i = matching_angle(i - 1);
        if (!is_identifier(i - 1)) throw Error(line, "cannot tell which kernel this launch means");
        --i;
      } else if (is(i - 1, "]")) {
        i = matching(i - 1, "[", "]");
        continue;
      } else if (is(i - 1, ")")) {
        i = matching(i - 1, "(", ")");
        if (is(i - 1, ">") || (is_identifier(i - 1) && !is_statement_keyword(i - 1))) continue;
        return i;
      } else if (is_identifier(i - 1)) {
        --i;
      } else {
        throw Error(line, "a launch needs a kernel before <<<");
      }
      if (is(i - 1, "template")) --i;
      if (is(i - 1, "::")) {
        --i;
        const bool qualified = is(i - 1, ">") || (is_identifier(i - 1) && !is_statement_keyword(i - 1));
        if (!qualified) return i;
      } else if (is(i - 1, ".") || is(i - 1, "->")) {
        --i;
      } else {
        return i;
      }
    }
  }

  bool is_statement_keyword(std::size_t i) const {
    static constexpr std::string_view kWords[] = {"return", "else",      "do",       "case",
                                                  "throw",  "co_return", "co_await", "co_yield"};
    return std::find(std::begin(kWords), std::end(kWords), tokens_[i].text) != std::end(kWords);
  }

  // The opening bracket of the closing one at `i`.
  std::size_t matching(std::size_t i, std::string_view open, std::string_view close) const {
    const int line = tokens_[i].line;
    int depth = 0;
    for (; exists(i); --i) {
      if (is(i, close)) ++depth;
      if (is(i, open) && --depth == 0) return i;
    }
    throw Error(line, "unbalanced '" + std::string(close) + "' before a launch");
  }

  std::size_t matching_angle(std::size_t i) const {
    const int line = tokens_[i].line;
    int depth = 0;
    for (; exists(i); --i) {
      if (is(i, ")")) {
        i = matching(i, "(", ")");
      } else if (is(i, "]")) {
        i = matching(i, "[", "]");
      } else if (is(i, "}")) {
        i = matching(i, "{", "}");
      } else if (is(i, ">")) {
        ++depth;
      } else if (is(i, "<") && --depth == 0) {
        return i;
      } else if (is(i, ";")) {
        break;
      }
    }
    throw Error(line, "cannot find where the kernel's template arguments begin");
  }

  // The >>> that ends a configuration: outside all brackets, with the arguments' parenthesis after it.
  std::size_t end_of_configuration(std::size_t i) const {
    const int line = tokens_[i - 1].line;
    int depth = 0;
    for (; exists(i); ++i) {
      if (is(i, "(") || is(i, "[") || is(i, "{")) ++depth;
      if (is(i, ")") || is(i, "]") || is(i, "}")) --depth;
      if (depth < 0) break;
      if (depth == 0 && is(i, ";")) break;
      if (depth != 0 || !is_triple(i, ">")) continue;
      if (is(i + 3, "(")) return i;
      if (!is(i + 3, ">"))
        throw Error(tokens_[i].line, "a launch needs its arguments in parentheses after >>>");
    }
    throw Error(line, "<<< without >>>(arguments)");
  }

  // Shared memory. `__shared__` itself is a macro; this code rewrites what the macro cannot express.
  void shared(std::size_t at) {
    std::size_t first = at;
    while (exists(first - 1) && !is(first - 1, ";") && !is(first - 1, "{") && !is(first - 1, "}") &&
           !is(first - 1, ":")) {
      --first;
    }
    const std::size_t end = end_of_shared(at);
    bool is_extern = false;
    for (std::size_t i = first; i < end; ++i) {
      if (is(i, "static")) replace(i, "");                      // the macro contains one
      if (is(i, "alignas") && i > at) replace(i, "__align__");  // GCC accepts alignas only in front
      is_extern = is_extern || is(i, "extern");
    }
    if (is_extern) {
      dynamic_shared(first, end);
    } else if (is(end, ";") && inside_function(first)) {
      limit_static_shared(at + 1, end);
    }
  }

  // The end of a declaration, past the members of a type that it declares. CUDA forbids initial values; here,
  // where shared memory is static, they would last from block to block.
  std::size_t end_of_shared(std::size_t at) const {
    bool declares_type = false;
    int angles = 0;
    for (std::size_t i = at; exists(i); ++i) {
      if (is(i, ";") || is(i, "}")) return i;
      if (is(i, "(") || is(i, "[")) {
        i = closing(i);
        continue;
      }
      angles += is(i, "<") - is(i, ">");
      declares_type = declares_type || is(i, "struct") || is(i, "union") || is(i, "class") || is(i, "enum");
      if (is(i, "{") && declares_type) {
        i = closing(i);
        declares_type = false;
      } else if (is(i, "{") || (is(i, "=") && angles == 0)) {
        throw Error(
            tokens_[i].line,
            "shared memory cannot have an initial value: let a thread write it, then __syncthreads()");
      }
    }
    return tokens_.size();
  }

  // The bracket, of any kind, that closes the one at `i`; the last token if none does.
  std::size_t closing(std::size_t i) const {
    int depth = 0;
    for (; exists(i); ++i) {
      depth += is(i, "(") || is(i, "[") || is(i, "{");
      depth -= is(i, ")") || is(i, "]") || is(i, "}");
      if (depth == 0) return i;
    }
    return tokens_.size() - 1;
  }

  // nvcc refuses a kernel with too much static shared memory, so add the same check:
  // SIMT_STATIC_SHARED(sizeof(a) + ...). Counts what one block of code declares between preprocessor
  // conditionals: names beyond may not exist here.
  void limit_static_shared(std::size_t i, std::size_t end) {
    const std::size_t scope = enclosing_brace(i);
    if (scope != shared_scope_ || tokens_[i].section != shared_section_) shared_names_.clear();
    shared_scope_ = scope;
    shared_section_ = tokens_[i].section;
    int brackets = 0, angles = 0;
    std::string candidate;
    bool named = false;
    for (; i < end; ++i) {
      const std::string_view text = tokens_[i].text;
      if (brackets + angles == 0 && text == "[") named = true;
      brackets += (text == "(" || text == "[" || text == "{") - (text == ")" || text == "]" || text == "}");
      if (brackets == 0) angles += (text == "<") - (text == ">");
      if (brackets + angles != 0) continue;
      if (is_identifier(i) && !named) candidate = text;
      if (text == "," || i + 1 == end) {
        if (!candidate.empty()) shared_names_.push_back(candidate);
        candidate.clear();
        named = false;
      }
    }
    if (shared_names_.empty()) return;
    std::string sum;
    for (const auto& name : shared_names_) sum += (sum.empty() ? "sizeof(" : " + sizeof(") + name + ")";
    edits_[tokens_[end].offset] = {1, "; SIMT_STATIC_SHARED(" + sum + ");"};
  }

  std::size_t enclosing_brace(std::size_t i) const {
    int depth = 0;
    for (; exists(i); --i) {
      if (is(i, "}")) ++depth;
      if (is(i, "{") && depth-- == 0) return i;
    }
    return i;
  }

  // extern __shared__ T name[];  ->  T (&name)[] = ::simt::dynamic_shared<T>();
  void dynamic_shared(std::size_t first, std::size_t end) {
    const int line = tokens_[first].line;
    const std::string form = "dynamic shared memory is declared as  extern __shared__ TYPE name[];";
    if (!is(end, ";") || !is(end - 1, "]") || !is(end - 2, "[") || !is_identifier(end - 3))
      throw Error(line, form);
    if (!inside_function(first)) {
      throw Error(line, "the CPU device needs extern __shared__ inside the kernel, not at namespace scope");
    }
    std::string type;
    for (std::size_t i = first; i < end - 3; ++i) {
      const std::string_view text = tokens_[i].text;
      if (text == "__align__" || text == "alignas" || text == "__attribute__") {
        // The buffer is aligned for every type.
        const std::size_t last = is(i + 1, "(") ? closing(i + 1) : i;
        if (last >= end - 3 || (last != i && !is(last, ")"))) throw Error(line, form);
        for (; i < last; ++i) replace(i, "");
        replace(last, "");
      } else if (text == "extern" || text == "__shared__") {
        replace(i, "");
      } else if (text == "," && type.find('<') == std::string::npos) {
        throw Error(line, form + " one name at a time");
      } else if (text.find('\n') !=
                 std::string_view::npos) {  // a raw string: if written twice, it would shift the lines
        throw Error(tokens_[i].line, form);
      } else {
        type += (type.empty() ? "" : " ") + std::string(text);
      }
    }
    if (type.empty()) throw Error(line, form);
    const std::string name(tokens_[end - 3].text);
    replace(end - 3, "(&" + name + ")");
    edits_[tokens_[end].offset] = {0, " = ::simt::dynamic_shared<" + type + ">()"};
  }

  // True when some brace around token `at` opens something other than a namespace or extern "C".
  bool inside_function(std::size_t at) const {
    int depth = 0;
    for (std::size_t i = at; exists(i); --i) {
      if (is(i, "}")) ++depth;
      if (!is(i, "{") || depth-- > 0) continue;
      depth = 0;
      std::size_t head = i - 1;
      bool is_namespace = exists(head) && tokens_[head].kind == TokenKind::kLiteral;  // extern "C" {
      while (exists(head) && (is_identifier(head) || is(head, "::"))) is_namespace |= is(head--, "namespace");
      if (!is_namespace) return true;
    }
    return false;
  }

  struct Edit {
    std::size_t length = 0;  // of the text replaced
    std::string text;
  };

  std::string_view source_;
  std::vector<Token> tokens_;
  std::map<std::size_t, Edit> edits_;  // by offset

  // Static shared memory declared so far in one block of code.
  std::vector<std::string> shared_names_;
  std::size_t shared_scope_ = 0;
  int shared_section_ = 0;
};

}  // namespace

std::string rewrite(std::string_view source) {
  return Rewriter(source).run();
}

std::string translate(std::string_view source, const std::string& path) {
  if (source.starts_with("\xef\xbb\xbf"))
    source.remove_prefix(3);  // a byte-order mark belongs at the start only
  std::string quoted;
  for (const char c : path) quoted += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
  return "#include \"simt/prelude.h\"\n#line 1 \"" + quoted + "\"\n" + rewrite(source);
}

}  // namespace simt::translator
