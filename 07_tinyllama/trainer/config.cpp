#include "07_tinyllama/trainer/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <utility>

#include "06_flash_attention/attention.h"
#include "common/core/error.h"

namespace wb {
namespace {

const std::vector<std::pair<std::string, ModelConfig>>& presets() {
  static const std::vector<std::pair<std::string, ModelConfig>> table = {
      {"nano", {.c = 128, .l = 2, .h = 4, .k = 2, .f = 1024, .v = 1000, .b = 4, .t = 64}},
      {"nano_long", {.c = 256, .l = 2, .h = 2, .k = 1, .f = 432, .v = 256, .b = 1, .t = 768}},
      {"shakespeare", {.c = 384, .l = 6, .h = 6, .k = 6, .f = 1024, .v = 256, .b = 64, .t = 256}},
      {"small", {.c = 512, .l = 8, .h = 8, .k = 4, .f = 2048, .v = 1000, .b = 8, .t = 128}},
      {"small_long", {.c = 512, .l = 8, .h = 8, .k = 4, .f = 1024, .v = 1000, .b = 1, .t = 3328}},
      {"medium", {.c = 1024, .l = 12, .h = 16, .k = 8, .f = 4096, .v = 1000, .b = 16, .t = 512}},
      {"tinyllama", {.c = 2048, .l = 22, .h = 32, .k = 4, .f = 5632, .v = 32000, .b = 4, .t = 2048}},
  };
  return table;
}

constexpr int kMostLayers = 4096;  // a table of a million layers takes gigabytes before memory is asked for

void require(bool condition, const std::string& message) {
  if (!condition) throw Error(message);
}

}  // namespace

void validate(const ModelConfig& config) {
  const std::pair<const char*, int> sizes[] = {
      {"model width C", config.c},     {"number of layers L", config.l},   {"query heads H", config.h},
      {"key/value heads K", config.k}, {"feed-forward width F", config.f}, {"vocabulary V", config.v},
      {"batch size B", config.b},      {"sequence length T", config.t},
  };
  for (const auto& [name, value] : sizes) {
    require(value >= 1, fmt::format("model: {} is {}; it must be at least 1", name, value));
  }
  require(config.l <= kMostLayers,
          fmt::format("model: number of layers L is {}; it must be at most {}", config.l, kMostLayers));
  require(
      config.c % config.h == 0,
      fmt::format("model: {} query heads do not divide the model width {}; choose H so that C / H is whole",
                  config.h, config.c));
  require(config.h % config.k == 0,
          fmt::format(
              "model: {} key/value heads do not divide the {} query heads; choose K so that H / K is whole",
              config.k, config.h));
  require(config.d() % 2 == 0,
          fmt::format("model: head width C / H = {} / {} = {} is odd; RoPE rotates pairs, so it must be even",
                      config.c, config.h, config.d()));
  require(config.d() <= kMaxHeadWidth,
          fmt::format("model: head width C / H = {} is more than {}; choose more heads", config.d(),
                      kMaxHeadWidth));
  require(static_cast<std::int64_t>(config.b) * config.t <= std::numeric_limits<int>::max(),
          fmt::format("model: a batch of {} x {} tokens is more than {}; choose a smaller batch", config.b,
                      config.t, std::numeric_limits<int>::max()));
  require(config.rope_base > 0.0,
          fmt::format("model: RoPE base is {}; it must be positive", config.rope_base));
  require(config.epsilon >= 0.0f,
          fmt::format("model: norm epsilon is {}; it must not be negative", config.epsilon));
}

ModelConfig preset(std::string_view name) {
  for (const auto& [known, config] : presets()) {
    if (known == name) return config;
  }
  throw Error(fmt::format("unknown preset '{}'; there are {}", name, fmt::join(preset_names(), ", ")));
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const auto& entry : presets()) names.push_back(entry.first);
  return names;
}

std::string describe(const ModelConfig& config) {
  return fmt::format("C {}, L {}, H {}, K {}, F {}, V {}, B {}, T {}", config.c, config.l, config.h, config.k,
                     config.f, config.v, config.b, config.t);
}

}  // namespace wb
