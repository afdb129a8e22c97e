#include "inspector/program/host_findings.h"

#include <execinfo.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "instrumented/source.h"
#include "simt/api.h"

namespace simt::inspector {
namespace {

using instrumented::SourceLine;

// The innermost callers. Those of shared libraries have no line, or one that is not the user's.
Trace here() {
  void* frames[24] = {};
  const int count = backtrace(frames, 24);
  Trace trace;
  for (int i = 0; i < count; ++i) {
    const auto place = reinterpret_cast<std::uintptr_t>(frames[i]) - instrumented::image_base() - 1;
    if (place >> 32 == 0) trace.push_back(static_cast<std::uint32_t>(place));
  }
  return trace;
}

// The first line that is the user's.
SourceLine line_of_trace(const Trace& trace) {
  instrumented::look_up(trace);
  for (const std::uint32_t place : trace) {
    const SourceLine line = instrumented::line_of(place);
    if (line.line != 0 && line.file.find("/common/simt/") == std::string::npos) return line;
  }
  return {};
}

nlohmann::json finding(const char* what, const std::string& title, const SourceLine& line,
                       const std::string& who, const std::string& advice, std::uint64_t count) {
  const std::string source = instrumented::source_text(line);
  std::string text = title;
  if (line.line != 0) {
    text += fmt::format("\n  {}:{}: {}", line.file.substr(line.file.rfind('/') + 1), line.line, who);
    if (!source.empty()) text += "\n      " + source;
  }
  text += "\n  " + advice;
  nlohmann::json parties = nlohmann::json::array();
  if (line.line != 0) parties.push_back({{"file", line.file}, {"line", line.line}, {"text", source}});
  return {{"what", what},   {"kernel", ""},     {"memory", title}, {"parties", parties},
          {"count", count}, {"advice", advice}, {"text", text}};
}

}  // namespace

HostFindings& host_findings() {
  static HostFindings& forever = *new HostFindings;
  return forever;
}

void HostFindings::allocated(const void* pointer, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  allocations_[pointer] = {bytes, here()};
}

void HostFindings::freed(const void* pointer) {
  const std::lock_guard lock(mutex_);
  allocations_.erase(pointer);
}

void HostFindings::call_failed(cudaError_t code, const std::string& explanation) {
  const std::lock_guard lock(mutex_);
  if (ends_ || unchecked_.count++ != 0) return;
  unchecked_.code = code;
  unchecked_.explanation = explanation;
  unchecked_.trace = here();
}

void HostFindings::error_asked_for() {
  const std::lock_guard lock(mutex_);
  unchecked_ = {};
}

void HostFindings::work_failed(const std::string& explanation) {
  const std::lock_guard lock(mutex_);
  if (failed_work_.empty()) failed_work_ = explanation;
}

void HostFindings::launched(const detail::Grid& grid) {
  const std::lock_guard lock(mutex_);
  ++launches_;
  if (not_waited_for_.count++ != 0) return;
  not_waited_for_.kernel = grid.name;
  not_waited_for_.trace = here();
}

void HostFindings::waited() {
  const std::lock_guard lock(mutex_);
  if (!ends_) not_waited_for_ = {};
}

void HostFindings::at_exit() {
  const std::lock_guard lock(mutex_);
  ends_ = true;
}

// Allocations of one line are one mistake.
std::vector<nlohmann::json> HostFindings::leaks() {
  struct Sum {
    SourceLine line;
    std::uint64_t count = 0, bytes = 0;
  };
  std::map<std::pair<std::string, int>, Sum> by_line;
  for (const auto& [pointer, allocation] : allocations_) {
    const SourceLine line = line_of_trace(allocation.trace);
    Sum& sum = by_line[{line.file, line.line}];
    sum.line = line;
    ++sum.count;
    sum.bytes += allocation.bytes;
  }
  std::vector<nlohmann::json> found;
  for (const auto& [place, sum] : by_line) {
    const std::string title =
        sum.count == 1 ? fmt::format("memory that is never freed: an allocation of {} bytes", sum.bytes)
                       : fmt::format("memory that is never freed: {} allocations, {} bytes in all", sum.count,
                                     sum.bytes);
    found.push_back(
        finding("leak", title, sum.line, "allocated by the host",
                "Free it after the last use: cudaFree for device and managed memory, cudaFreeHost "
                "for pinned memory.",
                sum.count));
  }
  return found;
}

std::vector<nlohmann::json> HostFindings::take(bool ended_well, bool nothing_else) {
  const std::lock_guard lock(mutex_);
  std::vector<nlohmann::json> found;
  if (nothing_else && !failed_work_.empty()) {
    found.push_back(finding(
        "failure", "a kernel failed: " + failed_work_, {}, "",
        "On a GPU the next call that waits returns an error without a place, or there is no message at all.",
        1));
  }
  if (ended_well && unchecked_.count != 0) {
    std::string title = fmt::format("a call failed, and nothing asked cudaGetLastError() for it: {} ({})",
                                    cudaGetErrorName(unchecked_.code), cudaGetErrorString(unchecked_.code));
    if (!unchecked_.explanation.empty()) title += ": " + unchecked_.explanation;
    if (unchecked_.count > 1) title += fmt::format(" (and {} more failed)", unchecked_.count - 1);
    found.push_back(
        finding("unchecked_error", title, line_of_trace(unchecked_.trace), "called by the host",
                "The program ended with exit code 0. Check what every call returns, and "
                "cudaGetLastError() after each launch. Where a failure is expected, it clears the error.",
                unchecked_.count));
  }
  if (ended_well && not_waited_for_.count != 0) {
    std::string title = fmt::format("kernel {} is launched, and nothing waits for it before the program ends",
                                    not_waited_for_.kernel);
    if (not_waited_for_.count > 1) title += fmt::format(" ({} launches)", not_waited_for_.count);
    found.push_back(
        finding("not_waited_for", title, line_of_trace(not_waited_for_.trace), "launched by the host",
                "A launch returns at once, and the end of the program ends the kernel: what it prints "
                "and its errors are lost. Call cudaDeviceSynchronize() and check what it returns.",
                not_waited_for_.count));
  }
  if (ended_well) {
    for (nlohmann::json& leak : leaks()) found.push_back(std::move(leak));
  }
  return found;
}

}  // namespace simt::inspector
