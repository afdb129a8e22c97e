#include "runtime/timeline.h"

#include <mutex>
#include <utility>

#include "simt/timeline.h"

namespace simt {
namespace {

// Never destroyed: workers may still run when main has returned.
struct Timeline {
  std::mutex mutex;
  bool recording = false;
  std::vector<KernelRecord> records;
};
Timeline& timeline() {
  static Timeline& forever = *new Timeline;
  return forever;
}

}  // namespace

void detail::record_on_timeline(const std::string& name, std::int64_t start_ns, std::int64_t end_ns) {
  const std::lock_guard lock(timeline().mutex);
  if (timeline().recording) timeline().records.push_back({name, start_ns, end_ns});
}

void timeline_start() {
  const std::lock_guard lock(timeline().mutex);
  timeline().recording = true;
  timeline().records.clear();
}

std::vector<KernelRecord> timeline_stop() {
  const std::lock_guard lock(timeline().mutex);
  timeline().recording = false;
  return std::exchange(timeline().records, {});
}

}  // namespace simt
