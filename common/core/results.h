// Results files: one versioned JSON document a run, the same frame for tests, benchmarks,
// journey and grading. docs/results_schema.md describes every field. Plots and graders read
// these files and never scrape text.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace wb {

inline constexpr int kResultsSchemaVersion = 1;

/// The frame around every body: {schema_version, kind, created, commit, device, host}. `kind` is one of
/// "tests", "benchmarks", "journey", "grading", "training".
nlohmann::json results_header(std::string_view kind);

/// The header plus {"body": body} as text. Bytes that are no UTF-8 become U+FFFD: a failure may quote
/// anything.
std::string results_text(std::string_view kind, const nlohmann::json& body);

/// Writes the header plus {"body": body} to `path`, creating its folder. The file appears whole or not at all
/// (temporary file, then rename). Throws Error naming the path when it cannot be written, or is there and is
/// no regular file: a device must not be replaced by a file.
void write_results(const std::filesystem::path& path, std::string_view kind, const nlohmann::json& body);

/// Throws Error when something at `path` is no regular file: to say so before hours of measuring.
void require_replaceable(const std::filesystem::path& path);

/// Reads a results file of this schema version and `kind`. Throws Error naming the path and what is wrong.
nlohmann::json read_results(const std::filesystem::path& path, std::string_view kind);

}  // namespace wb
