// A file with the measurements for each device, shape, precision and build.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "07_tinyllama/trainer/selection/problem.h"
#include "07_tinyllama/trainer/selection/report.h"

namespace wb {

/// $XDG_CACHE_HOME/cuda-workbook, else ~/.cache/cuda-workbook, else results.
std::filesystem::path default_cache_folder();

/// What a measurement depends on: device, driver, shapes, precision, layout, every implementation by name,
/// and the program itself, as a hash of its file: another build may hold other kernels under the same names.
nlohmann::json cache_key(const Setting& setting, const std::vector<Unit>& units,
                         const std::filesystem::path& program);

/// The path of the file for this key.
std::filesystem::path cache_file(const std::filesystem::path& folder, const nlohmann::json& key);

struct Remembered {
  std::vector<UnitReport> units;
  std::string created;  // "2026-11-26T01:20:00Z"
};
/// Nothing when there is no file; nothing and a remark in one line when there is one that cannot be used:
/// damaged, of another version, or of another key.
std::optional<Remembered> recall(const std::filesystem::path& folder, const nlohmann::json& key,
                                 std::string& remark);

/// Writes the file, whole or not at all, and removes the oldest of more than kMaxRemembered. Errors: it
/// cannot be written.
void remember(const std::filesystem::path& folder, const nlohmann::json& key,
              const std::vector<UnitReport>& units);
inline constexpr std::size_t kMaxRemembered = 64;

}  // namespace wb
