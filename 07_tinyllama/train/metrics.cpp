#include "07_tinyllama/train/metrics.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "common/core/error.h"

namespace wb {
namespace {

Error write_error(const std::filesystem::path& path) {
  return Error(fmt::format("metrics: cannot write {}: {}; make room or choose another --output",
                           path.string(), std::strerror(errno)));
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, int resumed_at) : path_(path) {
  std::vector<nlohmann::json> kept;
  if (resumed_at > 0) {
    for (nlohmann::json& line : read_metrics(path)) {
      if (line["step"].get<int>() <= resumed_at) kept.push_back(std::move(line));
    }
  }
  // Kept lines under another name first: an interruption here must not lose them.
  std::filesystem::path fresh = path;
  fresh += ".new";
  file_.reset(std::fopen(fresh.c_str(), "wb"));
  if (file_ == nullptr) throw write_error(path_);
  for (const nlohmann::json& line : kept) write(line);
  std::error_code error;
  std::filesystem::rename(fresh, path, error);
  if (error) throw Error(fmt::format("metrics: cannot write {}: {}", path.string(), error.message()));
}

void MetricsLog::write(const nlohmann::json& line) {
  const std::string text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
  if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size() || std::fflush(file_.get()) != 0) {
    throw write_error(path_);
  }
}

std::vector<nlohmann::json> read_metrics(const std::filesystem::path& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
    if (line.is_object() && line.contains("step") && line["step"].is_number_integer()) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

}  // namespace wb
