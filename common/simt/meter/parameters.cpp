#include "meter/parameters.h"

#include <cctype>

namespace simt::meter {
namespace {

bool in_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// "wb::softmax<float, 4>" -> "softmax"
std::string plain_name(const std::string& kernel) {
  const std::string name = kernel.substr(0, kernel.find('<'));
  const std::size_t colons = name.rfind("::");
  return colons == std::string::npos ? name : name.substr(colons + 2);
}

std::string without_comments(const std::string& text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const bool line = text.compare(at, 2, "//") == 0, block = text.compare(at, 2, "/*") == 0;
    if (!line && !block) {
      result += text[at++];
      continue;
    }
    const std::size_t end = line ? text.find('\n', at) : text.find("*/", at + 2);
    if (end == std::string::npos) break;
    at = line ? end : end + 2;
  }
  return result;
}

// "const float* __restrict__ a" -> "a"; "int n = 4" -> "n"
std::string last_name(std::string parameter) {
  parameter = parameter.substr(0, parameter.find('='));
  parameter = parameter.substr(0, parameter.find('['));
  std::size_t end = parameter.size();
  while (end > 0 && !in_name(parameter[end - 1])) --end;
  std::size_t start = end;
  while (start > 0 && in_name(parameter[start - 1])) --start;
  return parameter.substr(start, end - start);
}

// From the place after the opening parenthesis to the one that closes it.
std::vector<std::string> split(const std::string& text, std::size_t at) {
  std::vector<std::string> names;
  std::string parameter;
  for (int depth = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (depth == 0 && (c == ',' || c == ')')) {
      names.push_back(last_name(parameter));
      parameter.clear();
      if (c == ')') return names;
      continue;
    }
    depth += c == '(' || c == '<' || c == '[' || c == '{' ? 1 : 0;
    depth -= c == ')' || c == '>' || c == ']' || c == '}' ? 1 : 0;
    parameter += c;
  }
  return {};
}

}  // namespace

// A definition has __global__ before its name, with no end of a statement in between.
std::vector<std::string> parameter_names(const std::string& source, const std::string& kernel) {
  const std::string text = without_comments(source), name = plain_name(kernel);
  for (std::size_t at = text.find("__global__"); at != std::string::npos;
       at = text.find("__global__", at + 1)) {
    const std::size_t end = text.find_first_of(";{}", at);
    std::size_t found = text.find(name, at);
    for (; found < end && found != std::string::npos; found = text.find(name, found + 1)) {
      const std::size_t open = text.find_first_not_of(" \t\n", found + name.size());
      if (in_name(text[found - 1]) || open == std::string::npos || text[open] != '(') continue;
      return split(text, open + 1);
    }
  }
  return {};
}

}  // namespace simt::meter
