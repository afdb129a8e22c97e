// Values that no option of a program accepts. Include it where CLI11 is linked.
#pragma once

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "common/core/error.h"

namespace wb {

/// Errors: an option with an empty value (`--preset ""`) throws Error naming the option.
inline void refuse_empty_values(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& text : option->results()) {
      if (text.empty() && option->get_expected_max() > 0) {
        throw Error(fmt::format("{} is empty; give it a value, or leave the option out", option->get_name()));
      }
    }
  }
}

/// Errors: a list with an empty item throws Error naming the list.
inline void refuse_empty_parts(const char* option, std::string_view list) {
  while (true) {
    const std::size_t comma = list.find(',');
    if (list.substr(0, comma).find_first_not_of(' ') == std::string_view::npos) {
      throw Error(fmt::format("{} has nothing before or after a comma; name something there", option));
    }
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

/// For `option->check(kSeed)`: an unsigned integer of 64 bits; neither -1 nor a larger number.
inline const CLI::Validator kSeed(
    [](std::string& text) {
      std::uint64_t value = 0;
      const char* const end = text.data() + text.size();
      const auto read = std::from_chars(text.data(), end, value);
      return read.ec == std::errc() && read.ptr == end
                 ? std::string()
                 : fmt::format("'{}' is not a whole number from 0 to 2^64 - 1", text);
    },
    "SEED");

/// Requires that results can be written into `folder`, which does not have to exist yet; nothing is left
/// there. Errors: a file with that name, no permission, a full disk; throws Error with `option`.
inline void require_writable_folder(const char* option, const std::filesystem::path& folder) {
  std::filesystem::path existing = std::filesystem::absolute(folder);
  std::error_code error;
  while (!std::filesystem::exists(existing, error) && existing.has_parent_path() &&
         existing != existing.parent_path()) {
    existing = existing.parent_path();
  }
  if (!std::filesystem::is_directory(existing, error)) {
    throw Error(fmt::format("{} {}: {} is a file, not a folder; choose another", option, folder.string(),
                            existing.string()));
  }
  if (access(existing.c_str(), W_OK | X_OK) != 0) {
    throw Error(fmt::format("{} {}: no permission to write in {}; choose another folder", option,
                            folder.string(), existing.string()));
  }
  // Try it: the permissions of root allow everything, but /proc and a full disk do not.
  const std::filesystem::path trial = existing / fmt::format(".wb_trial_{}", getpid());
  if (!std::filesystem::create_directory(trial, error)) {
    throw Error(fmt::format("{} {}: cannot write in {} ({}); choose another folder", option, folder.string(),
                            existing.string(), error.message()));
  }
  std::filesystem::remove(trial, error);
}

}  // namespace wb
