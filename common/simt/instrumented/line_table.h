// The line table of this program, read by addr2line.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace simt::instrumented {

/// While one of these exists, one addr2line answers all questions, since most of the time of a question is
/// needed to start it and to find the program's line table. It has ended when the last one is destroyed.
class LineTable {
 public:
  LineTable();
  ~LineTable();
  LineTable(const LineTable&) = delete;
  LineTable& operator=(const LineTable&) = delete;

  /// What `addr2line -a -i` prints for these places; less, or nothing, where it cannot be started or ends.
  std::string lines_of(const std::vector<std::uint32_t>& places);
};

}  // namespace simt::instrumented
