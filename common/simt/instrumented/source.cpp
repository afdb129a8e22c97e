#include "instrumented/source.h"

#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>

#include "instrumented/line_table.h"

namespace simt::instrumented {
namespace {

// For each place: its line, then the lines at which it was inlined.
using Frames = std::vector<SourceLine>;
std::map<std::uint32_t, Frames>& known() {
  static auto& forever = *new std::map<std::uint32_t, Frames>;
  return forever;
}

// The file from which the translator made this one, according to its first #line. addr2line (binutils 2.40)
// sometimes names the translated file with lines of the original.
std::string kernel_file(const std::string& file) {
  static auto& kernels = *new std::map<std::string, std::string>;
  const auto [entry, is_new] = kernels.emplace(file, file);
  std::ifstream translated(is_new ? file : "");
  std::string text;
  for (int line = 0; line < 2 && std::getline(translated, text); ++line) {
    if (!text.starts_with("#line ")) continue;
    const std::size_t open = text.find('"'), close = text.rfind('"');
    if (open < close) entry->second = text.substr(open + 1, close - open - 1);
    break;
  }
  return entry->second;
}

// "/path/file.cu:31 (discriminator 2)"
SourceLine parse(const std::string& text) {
  const std::string place = text.substr(0, text.find(" (discriminator"));
  const std::size_t colon = place.rfind(':');
  if (colon == std::string::npos) return {};
  return {kernel_file(place.substr(0, colon)), std::atoi(place.c_str() + colon + 1)};
}

bool is_own_header(const std::string& file) {
  return file.find("simt/include/") != std::string::npos || file.find("/include/c++/") != std::string::npos;
}

// GCC gives no line to the load of a value that is passed by value: f(*pointer), if f is inlined. Its place
// then seems to belong to the code before it. This can be detected if that code is in a header of the CPU
// device that has no loads of kernels.
bool has_line(const Frames& frames) {
  if (frames.empty() || frames[0].line == 0) return false;
  for (const char* header :
       {"simt/warp.h", "simt/barrier.h", "simt/context.h", "simt/math.h", "simt/launch.h"}) {
    if (frames[0].file.ends_with(header)) return false;
  }
  return true;
}
constexpr std::uint32_t kBehind = 48;  // bytes of code

}  // namespace

std::uintptr_t image_base() {
  static const std::uintptr_t base = [] {
    std::uintptr_t address = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* object, std::size_t, void* result) {
          *static_cast<std::uintptr_t*>(result) = object->dlpi_addr;
          return 1;
        },
        &address);
    return address;
  }();
  return base;
}

void look_up(const std::vector<std::uint32_t>& places) {
  std::vector<std::uint32_t> unknown;
  for (const std::uint32_t place : places) {
    if (place != 0 && known().emplace(place, Frames{}).second) unknown.push_back(place);
  }
  if (unknown.empty()) return;
  const std::string output = LineTable().lines_of(unknown);
  std::uint32_t place = 0;
  for (std::size_t start = 0; start < output.size();) {
    const std::size_t end = std::min(output.find('\n', start), output.size());
    const std::string line = output.substr(start, end - start);
    start = end + 1;
    if (line.starts_with("0x")) {
      place = static_cast<std::uint32_t>(std::strtoull(line.c_str(), nullptr, 16));
      continue;
    }
    known()[place].push_back(parse(line));
  }
}

SourceLine line_of(std::uint32_t place) {
  for (const SourceLine& frame : known()[place]) {
    if (frame.line != 0 && !is_own_header(frame.file)) return frame;
  }
  return {};
}

void look_up_accesses(const std::vector<std::uint32_t>& places) {
  const LineTable open;
  look_up(places);
  std::vector<std::uint32_t> behind;
  for (const std::uint32_t place : places) {
    if (has_line(known()[place])) continue;
    for (std::uint32_t next = place + 1; next <= place + kBehind; ++next) behind.push_back(next);
  }
  look_up(behind);
}

// The next place is the function to which the value is passed, so take the line that called it.
SourceLine line_of_access(std::uint32_t place) {
  const Frames& frames = known()[place];
  if (has_line(frames)) return line_of(place);
  for (std::uint32_t next = place + 1; next <= place + kBehind; ++next) {
    const Frames& later = known()[next];
    if (later == frames || !has_line(later)) continue;
    const SourceLine& caller = later[later.size() > 1 ? 1 : 0];
    if (!is_own_header(caller.file)) return caller;
  }
  return {};
}

bool comes_from(std::uint32_t place, const char* part) {
  const Frames& frames = known()[place];
  return std::any_of(frames.begin(), frames.end(),
                     [&](const SourceLine& frame) { return frame.file.find(part) != std::string::npos; });
}

std::string source_text(const SourceLine& line) {
  std::ifstream file(line.file);
  std::string text;
  for (int i = 0; i < line.line; ++i) {
    if (!std::getline(file, text)) return "";
  }
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r") + 1 - first);
}

}  // namespace simt::instrumented
