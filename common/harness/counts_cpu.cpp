#include "common/harness/counts.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "simt/metering.h"

namespace wb {
namespace {

void add(AccessCount& count, const nlohmann::json& line) {
  const bool shared = line["memory"] == "shared";
  const auto requests = line["requests"].get<std::uint64_t>();
  const auto moved = line[shared ? "wavefronts" : "sectors"].get<std::uint64_t>();
  const auto ideal = line[shared ? "ideal_wavefronts" : "ideal_sectors"].get<std::uint64_t>();
  count.requests += requests;
  count.moved += moved;
  count.ideal += ideal;
  count.lines += fmt::format(
      "\n    {}:{} {}: {} requests of {} bytes per lane; {} per request: {:.3g}, {:.3g} at best\n        {}",
      std::filesystem::path(line["file"].get<std::string>()).filename().string(), line["line"].get<int>(),
      line["array"].get<std::string>(), requests, line["worst"]["lanes"][0]["bytes"].get<int>(),
      shared ? "wavefronts" : "sectors", static_cast<double>(moved) / static_cast<double>(requests),
      static_cast<double>(ideal) / static_cast<double>(requests), line["text"].get<std::string>());
}

}  // namespace

std::string no_counts() {
  return simt::metered() ? ""
                         : "the kernels of this program were not compiled for the meter (docs/metering.md)";
}

MemoryCounts counted(const std::function<void()>& call) {
  static_cast<void>(simt::take_counts());
  call();
  MemoryCounts counts;
  const std::string report = simt::take_counts();
  if (report.empty()) return counts;
  const nlohmann::json document = nlohmann::json::parse(report);
  for (const nlohmann::json& kernel : document["kernels"]) {
    for (const nlohmann::json& line : kernel["lines"]) {
      const std::string kind = line["kind"];
      if (kind == "global_load") add(counts.global_loads, line);
      if (kind == "global_store") add(counts.global_stores, line);
      if (kind == "shared_load") add(counts.shared_loads, line);
      if (kind == "shared_store") add(counts.shared_stores, line);
    }
  }
  return counts;
}

}  // namespace wb
