#include "07_tinyllama/trainer/selection/cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "07_tinyllama/trainer/selection/measure.h"
#include "07_tinyllama/trainer/selection/setting_json.h"
#include "common/core/device_info.h"
#include "common/core/results.h"

namespace wb {
namespace {

using nlohmann::json;

constexpr const char* kKind = "kernel_selection";
constexpr const char* kPrefix = "kernels-";

// FNV-1a: tells files apart, and protects from nothing.
class Hash {
 public:
  void add(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      state_ = (state_ ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3ULL;
    }
  }
  std::string text() const { return fmt::format("{:016x}", state_); }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325ULL;
};

std::string hash_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(fmt::format("cannot read {} to tell this build from others", path.string()));
  Hash hash;
  std::vector<char> buffer(1 << 20);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0) {
    hash.add(buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  return hash.text();
}

std::optional<std::filesystem::path> absolute_folder(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || value[0] != '/') return std::nullopt;
  return value;
}

void remove_oldest(const std::filesystem::path& folder) {
  std::vector<std::pair<std::filesystem::file_time_type, std::filesystem::path>> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || entry.path().extension() != ".json") continue;
    files.emplace_back(entry.last_write_time(error), entry.path());
  }
  std::sort(files.begin(), files.end());
  for (std::size_t i = 0; i + kMaxRemembered < files.size(); ++i)
    std::filesystem::remove(files[i].second, error);
}

}  // namespace

std::filesystem::path default_cache_folder() {
  if (const auto cache = absolute_folder("XDG_CACHE_HOME")) return *cache / "cuda-workbook";
  if (const auto home = absolute_folder("HOME")) return *home / ".cache" / "cuda-workbook";
  return "results";
}

json cache_key(const Setting& setting, const std::vector<Unit>& units, const std::filesystem::path& program) {
  const DeviceInfo& device = device_info();
  json shapes = setting;
  // Neither changes what a kernel has to do.
  shapes.erase("rope_base");
  shapes.erase("epsilon");
  json names = json::object();
  for (const Unit& unit : units) names[unit.name] = names_of(unit);
  return {{"device",
           {{"kind", device.kind},
            {"name", device.name},
            {"multiprocessors", device.multiprocessors},
            {"driver_version", device.driver_version},
            {"runtime_version", device.runtime_version}}},
          {"setting", shapes},
          {"implementations", names},
          {"program", hash_of_file(program)}};
}

std::filesystem::path cache_file(const std::filesystem::path& folder, const json& key) {
  const std::string text = key.dump();
  Hash hash;
  hash.add(text.data(), text.size());
  return folder / (kPrefix + hash.text() + ".json");
}

std::optional<Remembered> recall(const std::filesystem::path& folder, const json& key, std::string& remark) {
  const std::filesystem::path path = cache_file(folder, key);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  try {
    const json document = read_results(path, kKind);
    const json& body = document.at("body");
    if (body.at("key") != key) throw Error(fmt::format("{} is of another run", path.string()));
    Remembered remembered{.units = body.at("units").get<std::vector<UnitReport>>(),
                          .created = document.at("created").get<std::string>()};
    // The times decide, here as after measuring.
    for (UnitReport& unit : remembered.units) unit.chosen = fastest_correct(unit.measured);
    return remembered;
  } catch (const std::exception& problem) {
    remark = fmt::format("{} cannot be used ({}); measuring again", path.string(), problem.what());
    return std::nullopt;
  }
}

void remember(const std::filesystem::path& folder, const json& key, const std::vector<UnitReport>& units) {
  write_results(cache_file(folder, key), kKind, {{"key", key}, {"units", units}});
  remove_oldest(folder);
}

}  // namespace wb
