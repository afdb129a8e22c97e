#include "common/core/results.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/core/device_info.h"
#include "common/core/error.h"

namespace wb {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 6> kKinds = {"tests",   "benchmarks", "journey",
                                                    "grading", "training",   "kernel_selection"};

void require_known_kind(std::string_view kind) {
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    throw Error(fmt::format("results: unknown kind '{}'; it is one of {}", kind, fmt::join(kKinds, ", ")));
  }
}

std::string commit() {
  const char* value = std::getenv("WB_COMMIT");
  return value != nullptr && *value != '\0' ? value : WB_CONFIGURED_COMMIT;
}

}  // namespace

json results_header(std::string_view kind) {
  require_known_kind(kind);
  const DeviceInfo& device = device_info();
  const HostInfo host = host_info();
  return {
      {"schema_version", kResultsSchemaVersion},
      {"kind", kind},
      {"created", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))},
      {"commit", commit()},
      {"device",
       {{"kind", device.kind},
        {"name", device.name},
        {"multiprocessors", device.multiprocessors},
        {"compute_capability", device.compute_capability},
        {"memory_bytes", device.memory_bytes},
        {"l2_bytes", device.l2_bytes},
        {"driver_version", device.driver_version},
        {"runtime_version", device.runtime_version}}},
      {"host", {{"cpu", host.cpu}, {"cores", host.cores}, {"system", host.system}}},
  };
}

std::string results_text(std::string_view kind, const json& body) {
  json document = results_header(kind);
  document["body"] = body;
  return document.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

void require_replaceable(const std::filesystem::path& path) {
  std::error_code unknown;
  const auto status = std::filesystem::status(path, unknown);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw Error(
        fmt::format("results: cannot replace {}: it is no regular file; name another", path.string()));
  }
}

void write_results(const std::filesystem::path& path, std::string_view kind, const json& body) {
  const std::string text = results_text(kind, body);
  require_replaceable(path);
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{}.tmp", getpid());
  {
    std::ofstream file(temporary);
    file << text;
    file.close();
    if (!file) {
      std::filesystem::remove(temporary, error);
      throw Error(fmt::format("results: cannot write {}; is its folder writable and the disk not full?",
                              path.string()));
    }
  }
  std::filesystem::rename(temporary, path, error);
  if (error) {
    const std::string reason = error.message();
    std::filesystem::remove(temporary, error);
    throw Error(fmt::format("results: cannot replace {}: {}", path.string(), reason));
  }
}

json read_results(const std::filesystem::path& path, std::string_view kind) {
  require_known_kind(kind);
  std::ifstream file(path);
  if (!file) throw Error(fmt::format("results: cannot read {}", path.string()));
  json document = json::parse(file, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || !document.contains("body")) {
    throw Error(fmt::format("results: {} is no results file", path.string()));
  }
  const json version = document.value("schema_version", json());
  if (version != kResultsSchemaVersion) {
    throw Error(
        fmt::format("results: {} has schema version {}, this program reads version {}; write it again",
                    path.string(), version.dump(), kResultsSchemaVersion));
  }
  if (document.value("kind", json()) != kind) {
    throw Error(fmt::format("results: {} holds {}, not {}", path.string(),
                            document.value("kind", json()).dump(), kind));
  }
  return document;
}

}  // namespace wb
