// Options from a JSON file, and back into one.
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace wb {

/// Gives the app every option of the object that was not given before. `file` is for messages.
/// Errors: a key that is no option, or a value that is no text, number, truth value or list of these, throws
/// wb::Error; a value that the option refuses throws CLI::ParseError.
void apply_options(CLI::App& app, const nlohmann::json& object, const std::string& file);

/// Every option that was given, as text or a list of texts; not --config and --resume. Paths to data are made
/// absolute, so that the object means the same in another folder.
nlohmann::json given_options(const CLI::App& app);

}  // namespace wb
