// What does not depend on the device: totals by kernel name, and their CSV file.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "common/core/error.h"
#include "common/profiler/profiler.h"

namespace wb {
namespace {

double milliseconds(const KernelRecord& record) {
  return static_cast<double>(record.end_ns - record.start_ns) * 1e-6;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::vector<KernelTotal> kernel_totals(const std::vector<KernelRecord>& records) {
  std::map<std::string, KernelTotal> by_name;
  double all_ms = 0.0;
  for (const KernelRecord& record : records) {
    KernelTotal& total = by_name[record.name];
    total.name = record.name;
    total.calls += 1;
    total.total_ms += milliseconds(record);
    all_ms += milliseconds(record);
  }
  std::vector<KernelTotal> totals;
  for (auto& [name, total] : by_name) {
    total.mean_us = 1e3 * total.total_ms / static_cast<double>(total.calls);
    total.percent = all_ms > 0.0 ? 100.0 * total.total_ms / all_ms : 0.0;
    totals.push_back(total);
  }
  std::stable_sort(totals.begin(), totals.end(),
                   [](const KernelTotal& x, const KernelTotal& y) { return x.total_ms > y.total_ms; });
  return totals;
}

double kernel_ms(const std::vector<KernelRecord>& records, const std::regex& pattern) {
  double sum = 0.0;
  for (const KernelRecord& record : records) {
    if (std::regex_search(record.name, pattern)) sum += milliseconds(record);
  }
  return sum;
}

void write_profile_csv(const std::filesystem::path& path, const std::vector<KernelTotal>& totals) {
  std::error_code error;
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    throw Error(
        fmt::format("cannot write the profile {}: it is no regular file; delete it, or choose another "
                    "folder with --results",
                    path.string()));
  }
  std::filesystem::path partial = path;
  partial += ".partial";
  {
    std::ofstream file(partial);
    file << "kernel,calls,total_ms,mean_us,percent\n";
    for (const KernelTotal& total : totals) {
      file << fmt::format("{},{},{:.6f},{:.3f},{:.2f}\n", csv_field(total.name), total.calls, total.total_ms,
                          total.mean_us, total.percent);
    }
    file.flush();
    if (!file) {
      std::filesystem::remove(partial, error);
      throw Error(fmt::format(
          "cannot write the profile {}: make its folder, or choose another with --results", path.string()));
    }
  }
  std::filesystem::rename(partial, path, error);
  if (error) {
    const std::string reason = error.message();
    std::filesystem::remove(partial, error);
    throw Error(fmt::format("cannot write the profile {}: {}", path.string(), reason));
  }
}

}  // namespace wb
