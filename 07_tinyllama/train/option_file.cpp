#include "07_tinyllama/train/option_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <span>

#include "common/core/error.h"

namespace wb {
namespace {

const char* const kNotSaved[] = {"--config", "--resume", "--help",       "--overwrite",
                                 "--output", "--trace",  "--trace-steps"};
const char* const kPaths[] = {"--data", "--tokens", "--validation-tokens"};

bool is_one_of(const std::string& name, std::span<const char* const> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// 0.1 as "0.1", "a.txt" as it is.
std::string text_of(const nlohmann::json& value, const std::string& key, const std::string& file) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw Error(fmt::format("{}: \"{}\" must be a text, a number or a list of these", file, key));
}

}  // namespace

void apply_options(CLI::App& app, const nlohmann::json& object, const std::string& file) {
  for (const auto& [key, value] : object.items()) {
    CLI::Option* option = app.get_option_no_throw("--" + key);
    if (option == nullptr || is_one_of("--" + key, std::span(kNotSaved).first(4))) {
      throw Error(fmt::format("{}: there is no option \"{}\"; train --help lists them", file, key));
    }
    if (option->count() > 0) continue;  // options given on the command line win
    if (value.is_array() && option->get_items_expected_max() == 1) {
      throw Error(fmt::format("{}: \"{}\" takes one value, not a list", file, key));
    }
    for (const auto& item : value.is_array() ? value : nlohmann::json::array({value})) {
      option->add_result(text_of(item, key, file));
    }
    if (option->count() > 0) option->run_callback();
  }
}

nlohmann::json given_options(const CLI::App& app) {
  nlohmann::json given = nlohmann::json::object();
  for (const CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    if (option->count() == 0 || is_one_of(name, kNotSaved)) continue;
    std::vector<std::string> values = option->results();
    if (is_one_of(name, kPaths)) {
      for (std::string& value : values) value = std::filesystem::absolute(value).lexically_normal().string();
    }
    const std::string key = name.substr(2);
    if (values.size() == 1 && option->get_items_expected_max() == 1) {
      given[key] = values.front();
    } else {
      given[key] = values;
    }
  }
  return given;
}

}  // namespace wb
