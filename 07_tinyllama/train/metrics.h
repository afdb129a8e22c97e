// metrics.jsonl: what a run measured, a JSON object per line. docs/results_schema.md describes the fields.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

namespace wb {

class MetricsLog {
 public:
  /// Starts the file anew for `resumed_at` 0. Else keeps its lines of steps up to that one: those after it
  /// are about to be measured again. Errors: a file that cannot be written throws wb::Error.
  MetricsLog(const std::filesystem::path& path, int resumed_at);

  /// Writes one line; it is in the file when this returns. Errors: a full disk throws wb::Error.
  void write(const nlohmann::json& line);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

/// The lines of the file that are JSON objects with a step; none where there is no file. A last line that was
/// cut short is left out.
std::vector<nlohmann::json> read_metrics(const std::filesystem::path& path);

}  // namespace wb
