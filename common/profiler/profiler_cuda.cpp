// CUPTI's activity interface: the driver writes a record for each kernel into buffers that we hand it.
// CUPTI is attached between start() and stop() only.
#include <cupti.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>

#include "common/core/check.h"
#include "common/profiler/profiler.h"

namespace wb {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{4} << 20;
constexpr std::size_t kAlignment = 8;

std::mutex g_mutex;
std::vector<KernelRecord> g_records;
std::size_t g_lost = 0;
std::atomic<bool> g_recording{false};

void check_cupti(CUptiResult result, const char* call) {
  if (result == CUPTI_SUCCESS) return;
  const char* text = "unknown error";
  cuptiGetResultString(result, &text);
  throw Error(
      std::string(call) + " failed: " + text +
      "; another profiler may be attached, or the driver allows profiling to administrators only: run with "
      "--no-profile");
}

void CUPTIAPI request_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* max_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kBufferBytes));
  *size = *buffer == nullptr ? 0 : kBufferBytes;
  *max_records = 0;
}

// Every version of the kernel record only appends to CUpti_ActivityKernel4, so this reads CUDA 9 to today.
void CUPTIAPI complete_buffer(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t,
                              std::size_t valid_bytes) {
  const std::lock_guard lock(g_mutex);
  CUpti_Activity* activity = nullptr;
  while (valid_bytes > 0 && cuptiActivityGetNextRecord(buffer, valid_bytes, &activity) == CUPTI_SUCCESS) {
    if (activity->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) continue;
    const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel4*>(activity);
    g_records.push_back({kernel->name == nullptr ? "?" : kernel->name,
                         static_cast<std::int64_t>(kernel->start), static_cast<std::int64_t>(kernel->end)});
  }
  std::size_t lost = 0;
  if (cuptiActivityGetNumDroppedRecords(context, stream, &lost) == CUPTI_SUCCESS) g_lost += lost;
  std::free(buffer);
}

std::vector<KernelRecord> finish() {
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  check_cupti(cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "cuptiActivityFlushAll");
  check_cupti(cuptiActivityDisable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "cuptiActivityDisable");
  const std::lock_guard lock(g_mutex);
  if (g_lost > 0) throw Error("the profiler lost " + to_text(g_lost) + " records: profile fewer steps");
  return std::move(g_records);
}

}  // namespace

std::string Profiler::unavailable() {
  // One subscriber at a time: under ncu or compute-sanitizer the place is taken, for as long as we live.
  static const std::string reason = [] {
    const CUptiResult result = cuptiActivityRegisterCallbacks(request_buffer, complete_buffer);
    if (result == CUPTI_SUCCESS) return std::string();
    const char* text = "unknown error";
    cuptiGetResultString(result, &text);
    return std::string("CUPTI cannot record here (") + text + "): is another profiler attached?";
  }();
  return reason;
}

void Profiler::start() {
  if (g_recording.exchange(true))
    throw Error("Profiler::start: another profiler is recording; stop it first");
  recording_ = true;
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  {
    const std::lock_guard lock(g_mutex);
    g_records.clear();
    g_lost = 0;
  }
  check_cupti(cuptiActivityRegisterCallbacks(request_buffer, complete_buffer),
              "cuptiActivityRegisterCallbacks");
  check_cupti(cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "cuptiActivityEnable");
}

std::vector<KernelRecord> Profiler::stop() {
  if (!recording_) throw Error("Profiler::stop: start() was not called");
  recording_ = false;
  g_recording = false;
  std::vector<KernelRecord> records = finish();
  for (KernelRecord& record : records) record.name = short_kernel_name(record.name);
  std::stable_sort(records.begin(), records.end(),
                   [](const KernelRecord& x, const KernelRecord& y) { return x.start_ns < y.start_ns; });
  return records;
}

Profiler::~Profiler() {
  if (!recording_) return;
  g_recording = false;
  static_cast<void>(cuptiActivityDisable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL));
}

}  // namespace wb
