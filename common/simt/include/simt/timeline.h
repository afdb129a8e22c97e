// Which kernels ran, and when: what a profiler reads on the CPU device.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace simt {

/// A kernel, or work that simt::enqueue named, from the start of its first block to the end of its last.
struct KernelRecord {
  std::string name;
  std::int64_t start_ns, end_ns;  // steady clock
};

/// Forgets earlier records and starts recording.
void timeline_start();
/// Stops recording; the records in order of completion. Synchronise first to have all of them.
std::vector<KernelRecord> timeline_stop();

}  // namespace simt
