// From an instruction to the line of source that it was compiled from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace simt::instrumented {

struct SourceLine {
  std::string file;
  int line = 0;
  bool operator==(const SourceLine&) const = default;
};

/// The program's load address, from which places are counted.
std::uintptr_t image_base();

/// Looks up all of these at once, because most of the time is needed to open the line table (line_table.h).
void look_up(const std::vector<std::uint32_t>& places);
/// The line of a place that was looked up: the innermost one that is not in the CPU device's own headers.
SourceLine line_of(std::uint32_t place);
/// The same for places of loads and stores, some of which have no line of their own.
void look_up_accesses(const std::vector<std::uint32_t>& places);
SourceLine line_of_access(std::uint32_t place);
/// Whether a place that was looked up belongs to a file whose path contains `part`, or to an inlined function
/// of such a file.
bool comes_from(std::uint32_t place, const char* part);
/// The text of that line without its indentation; empty where the file is not there.
std::string source_text(const SourceLine& line);

}  // namespace simt::instrumented
