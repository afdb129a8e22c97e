#include "runtime/timeline.h"

#include <unistd.h>

#include <atomic>
#include <mutex>
#include <utility>

#include "runtime/symbols.h"

namespace simt {
namespace {

// Never destroyed: workers may still run when main has returned.
struct Timeline {
  std::mutex mutex;
  std::size_t most_records = 0;
  std::size_t lost = 0;
  std::vector<TimelineRecord> records;
};
Timeline& timeline() {
  static Timeline& forever = *new Timeline;
  return forever;
}

std::atomic<std::uint64_t> g_launched = 0;
std::atomic<cudaStream_t> g_expected = nullptr;
std::atomic<std::uint64_t> g_elsewhere = 0;
std::mutex g_transfer_mutex;
TransferElsewhere g_transfer;

}  // namespace

constinit std::atomic<bool> detail::timeline_on{false};

void detail::count_launch(cudaStream_t stream) {
  ++g_launched;
  if (stream != g_expected) ++g_elsewhere;
}

std::uint64_t kernels_launched() {
  return g_launched;
}

void expect_stream(cudaStream_t stream) {
  g_expected = stream;
  g_elsewhere = 0;
  const std::lock_guard lock(g_transfer_mutex);
  g_transfer = {};
}

std::uint64_t launched_elsewhere() {
  return g_elsewhere;
}

void detail::note_transfer(const char* call, cudaStream_t stream) {
  if (stream == g_expected) return;
  const std::lock_guard lock(g_transfer_mutex);
  if (g_transfer.call == nullptr) g_transfer = {call, stream};
}

TransferElsewhere transferred_elsewhere() {
  const std::lock_guard lock(g_transfer_mutex);
  return g_transfer;
}

void detail::record_on_timeline(TimelineRecord record) {
  const std::lock_guard lock(timeline().mutex);
  if (!timeline_on) return;
  if (timeline().records.size() < timeline().most_records) {
    timeline().records.push_back(std::move(record));
  } else {
    ++timeline().lost;
  }
}

void detail::note_submission(TimelineRecord& record) {
  if (!timeline_on.load(std::memory_order_relaxed)) return;
  static thread_local const int thread = gettid();
  record.host_thread = thread;
  record.submitted_ns = nanoseconds();
}

void timeline_start(std::size_t most_records) {
  detail::load_symbols();
  const std::lock_guard lock(timeline().mutex);
  timeline().records.clear();
  timeline().lost = 0;
  timeline().most_records = most_records;
  detail::timeline_on = true;
}

std::vector<TimelineRecord> timeline_stop(std::size_t* lost) {
  const std::lock_guard lock(timeline().mutex);
  detail::timeline_on = false;
  if (lost != nullptr) *lost = timeline().lost;
  return std::exchange(timeline().records, {});
}

}  // namespace simt
