#include "runtime/timeline.h"

#include <mutex>
#include <utility>

#include "simt/timeline.h"

namespace simt {
namespace {

std::mutex g_mutex;
bool g_recording = false;
std::vector<KernelRecord> g_records;

}  // namespace

void detail::record_on_timeline(const std::string& name, std::int64_t start_ns, std::int64_t end_ns) {
  const std::lock_guard lock(g_mutex);
  if (g_recording) g_records.push_back({name, start_ns, end_ns});
}

void timeline_start() {
  const std::lock_guard lock(g_mutex);
  g_recording = true;
  g_records.clear();
}

std::vector<KernelRecord> timeline_stop() {
  const std::lock_guard lock(g_mutex);
  g_recording = false;
  return std::exchange(g_records, {});
}

}  // namespace simt
