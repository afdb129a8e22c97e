// Kernel names for people. CUPTI gives mangled names, simt the words of the launch.
#include <cxxabi.h>

#include <cctype>
#include <cstdlib>
#include <memory>

#include "common/profiler/profiler.h"

namespace wb {
namespace {

// Template arguments longer than this say more about the compiler than about the kernel.
constexpr std::size_t kLongestName = 72;

std::string demangle(std::string_view name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(std::string(name).c_str(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? std::string(text.get()) : std::string(name);
}

void erase_all(std::string& text, std::string_view what) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at))
    text.erase(at, what.size());
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Erase casts of template arguments: "kernel<(int)64, (wb::Layout)0>" is kernel<64, 0>.
void erase_casts(std::string& text) {
  for (auto open = text.find('('); open != std::string::npos; open = text.find('(', open)) {
    const bool is_argument = open > 0 && (text[open - 1] == '<' || text[open - 1] == ' ');
    const auto close = text.find(')', open);
    if (close == std::string::npos) return;
    const char next = close + 1 < text.size() ? text[close + 1] : '\0';
    if (is_argument && (is_word(next) || next == '-')) {
      text.erase(open, close - open + 1);
    } else {
      ++open;
    }
  }
}

// Where the parameter list starts: the first "(" outside of template brackets.
std::size_t parameter_list(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') ++depth;
    if (text[i] == '>') --depth;
    if (text[i] == '(' && depth == 0) return i;
  }
  return text.size();
}

// Where the kernel's own name starts: after the last "::" outside of template brackets.
std::size_t own_name(std::string_view text) {
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') ++depth;
    if (text[i] == '>') --depth;
    if (depth == 0 && text[i] == ':') start = i + 1;
  }
  return start;
}

}  // namespace

std::string short_kernel_name(std::string_view name) {
  std::string text = demangle(name);
  erase_all(text, "(anonymous namespace)::");
  if (text.starts_with("void ")) text.erase(0, 5);  // the return type that demangled templates carry
  erase_casts(text);
  text.resize(parameter_list(text));
  text.erase(0, own_name(text));
  erase_all(text, "wb::");
  if (text.size() > kLongestName)
    text.resize(text.find('<') == std::string::npos ? kLongestName : text.find('<'));
  return text.empty() ? std::string(name) : text;
}

}  // namespace wb
