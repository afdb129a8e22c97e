#include "07_tinyllama/trainer/checkpoint/json_file.h"

#include <fmt/format.h>

#include <cstdlib>

#include "07_tinyllama/trainer/mapped_file.h"
#include "common/core/error.h"

namespace wb {
namespace {

constexpr std::size_t kMostBytes = 64u << 20;
constexpr int kMostNesting = 100;

}  // namespace

nlohmann::json read_json_object(const std::string& path) {
  using nlohmann::json;
  const auto refuse = [&](const std::string& what) {
    throw Error(fmt::format("checkpoint: '{}' {}", path, what));
  };
  try {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    if (bytes.size() > kMostBytes) refuse(fmt::format("has {} bytes; that is no such file", bytes.size()));
    const char* text = reinterpret_cast<const char*>(bytes.data());
    // Deep nesting is the only way for a small text to cost much.
    const auto too_deep = [](int depth, json::parse_event_t, json&) {
      if (depth > kMostNesting) throw Error("is nested too deeply");
      return true;
    };
    json document = json::parse(text, text + bytes.size(), too_deep, false);
    if (!document.is_object()) refuse("is not a JSON object");
    return document;
  } catch (const Error& error) {
    const std::string what = error.what();
    if (what.starts_with("checkpoint: ")) throw;
    if (what.starts_with("is ")) refuse(what);
    throw Error("checkpoint: " + what);
  }
}

double shortest(float value) {
  return std::strtod(fmt::format("{}", value).c_str(), nullptr);
}

}  // namespace wb
