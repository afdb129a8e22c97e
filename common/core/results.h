// Results files: one versioned JSON document per run, with the same frame for tests, benchmarks, journey and
// grading. docs/results_schema.md describes every field. Plots and graders read these files, not printed
// text.
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

/// The frame plus {"body": body} as text. Bytes that are not UTF-8 become U+FFFD, because a failure may quote
/// any bytes.
std::string results_text(std::string_view kind, const nlohmann::json& body);

/// Writes the frame plus {"body": body} to `path`, and makes its folder. The file appears whole or not at all
/// (temporary file, then rename). Errors: the path cannot be written, or something there is not a regular
/// file (a device must not be replaced by a file); throws Error with the path.
void write_results(const std::filesystem::path& path, std::string_view kind, const nlohmann::json& body);

/// Throws Error if something at `path` is not a regular file. For use before a long measurement.
void require_replaceable(const std::filesystem::path& path);

/// Reads a results file of this schema version and `kind`. Errors: throws Error with the path and the reason.
nlohmann::json read_results(const std::filesystem::path& path, std::string_view kind);

}  // namespace wb
