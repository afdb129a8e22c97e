// CUPTI's activity interface: the driver writes a record for each kernel, copy, fill and call into buffers
// that we hand it. CUPTI is attached between start and stop only.
#include <cupti.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <string_view>

#include "common/core/device_buffer.h"
#include "common/core/error.h"
#include "common/profiler/device_records.h"
#include "common/profiler/profiler.h"

namespace wb {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{4} << 20;
constexpr std::size_t kAlignment = 8;
constexpr CUpti_ActivityKind kKernels = CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
constexpr CUpti_ActivityKind kTheRest[] = {CUPTI_ACTIVITY_KIND_MEMCPY, CUPTI_ACTIVITY_KIND_MEMSET,
                                           CUPTI_ACTIVITY_KIND_RUNTIME, CUPTI_ACTIVITY_KIND_DRIVER};

std::mutex g_mutex;
std::vector<DeviceRecord> g_records;
std::size_t g_most_records = 0;
std::size_t g_lost = 0;
std::atomic<bool> g_recording{false};
bool g_everything = false;

void check_cupti(CUptiResult result, const char* call) {
  if (result == CUPTI_SUCCESS) return;
  const char* text = "unknown error";
  cuptiGetResultString(result, &text);
  throw Error(
      std::string(call) + " failed: " + text +
      "; another profiler may be attached, or the driver allows profiling to administrators only: run with "
      "--no-profile, or without --trace");
}

void CUPTIAPI request_buffer(std::uint8_t** buffer, std::size_t* size, std::size_t* max_records) {
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kBufferBytes));
  *size = *buffer == nullptr ? 0 : kBufferBytes;
  *max_records = 0;
}

// Each version of a record only appends to the first one, so these read CUDA 9 to today.
DeviceRecord kernel_record(const CUpti_ActivityKernel4& kernel) {
  DeviceRecord record;
  record.name = kernel.name == nullptr ? "?" : kernel.name;
  record.start_ns = static_cast<std::int64_t>(kernel.start);
  record.end_ns = static_cast<std::int64_t>(kernel.end);
  record.stream = kernel.streamId;
  record.correlation = kernel.correlationId;
  record.grid = dim3(kernel.gridX, kernel.gridY, kernel.gridZ);
  record.block = dim3(kernel.blockX, kernel.blockY, kernel.blockZ);
  record.static_shared_bytes = kernel.staticSharedMemory;
  record.dynamic_shared_bytes = kernel.dynamicSharedMemory;
  record.registers_per_thread = kernel.registersPerThread;
  return record;
}

const char* direction_of(std::uint8_t kind) {
  switch (kind) {
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOD:
      return copy_direction(cudaMemcpyHostToDevice);
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOH:
      return copy_direction(cudaMemcpyDeviceToHost);
    case CUPTI_ACTIVITY_MEMCPY_KIND_DTOD:
      return copy_direction(cudaMemcpyDeviceToDevice);
    case CUPTI_ACTIVITY_MEMCPY_KIND_HTOH:
      return copy_direction(cudaMemcpyHostToHost);
    default:
      return copy_direction(cudaMemcpyDefault);
  }
}

template <class Activity>
DeviceRecord transfer_record(DeviceRecordKind kind, const char* name, const Activity& activity) {
  DeviceRecord record;
  record.kind = kind;
  record.name = name;
  record.start_ns = static_cast<std::int64_t>(activity.start);
  record.end_ns = static_cast<std::int64_t>(activity.end);
  record.stream = activity.streamId;
  record.correlation = activity.correlationId;
  record.bytes = static_cast<std::int64_t>(activity.bytes);
  return record;
}

// Calls that start work or wait for it; the many that only ask something would hide them.
bool is_worth_showing(std::string_view name) {
  constexpr std::array kParts = {"Launch", "Memcpy", "Memset", "Synchronize", "Malloc", "Free"};
  return std::any_of(kParts.begin(), kParts.end(),
                     [&](const char* part) { return name.find(part) != std::string_view::npos; });
}

// The name is empty for a call that is not worth showing. "cudaLaunchKernel_v7000" is cudaLaunchKernel.
DeviceRecord call_record(const CUpti_ActivityAPI& call) {
  DeviceRecord record;
  record.kind = DeviceRecordKind::kCall;
  const bool is_runtime = call.kind == CUPTI_ACTIVITY_KIND_RUNTIME;
  const char* name = nullptr;
  const auto domain = is_runtime ? CUPTI_CB_DOMAIN_RUNTIME_API : CUPTI_CB_DOMAIN_DRIVER_API;
  if (cuptiGetCallbackName(domain, call.cbid, &name) != CUPTI_SUCCESS || name == nullptr) return record;
  if (!is_worth_showing(name)) return record;
  record.name = name;
  record.name.resize(std::min(record.name.size(), record.name.find("_v")));
  record.start_ns = static_cast<std::int64_t>(call.start);
  record.end_ns = static_cast<std::int64_t>(call.end);
  record.thread = call.threadId;
  record.correlation = call.correlationId;
  return record;
}

void keep(DeviceRecord record) {
  if (record.name.empty()) return;
  if (g_records.size() < g_most_records) {
    g_records.push_back(std::move(record));
  } else {
    ++g_lost;
  }
}

void read_activity(const CUpti_Activity* activity) {
  switch (activity->kind) {
    case kKernels:
      keep(kernel_record(*reinterpret_cast<const CUpti_ActivityKernel4*>(activity)));
      break;
    case CUPTI_ACTIVITY_KIND_MEMCPY: {
      const auto& copy = *reinterpret_cast<const CUpti_ActivityMemcpy*>(activity);
      DeviceRecord record = transfer_record(DeviceRecordKind::kCopy, "memcpy", copy);
      record.direction = direction_of(copy.copyKind);
      keep(std::move(record));
      break;
    }
    case CUPTI_ACTIVITY_KIND_MEMSET:
      keep(transfer_record(DeviceRecordKind::kFill, "memset",
                           *reinterpret_cast<const CUpti_ActivityMemset*>(activity)));
      break;
    case CUPTI_ACTIVITY_KIND_RUNTIME:
    case CUPTI_ACTIVITY_KIND_DRIVER:
      keep(call_record(*reinterpret_cast<const CUpti_ActivityAPI*>(activity)));
      break;
    default:
      break;
  }
}

void CUPTIAPI complete_buffer(CUcontext context, std::uint32_t stream, std::uint8_t* buffer, std::size_t,
                              std::size_t valid_bytes) {
  const std::lock_guard lock(g_mutex);
  CUpti_Activity* activity = nullptr;
  while (valid_bytes > 0 && cuptiActivityGetNextRecord(buffer, valid_bytes, &activity) == CUPTI_SUCCESS) {
    read_activity(activity);
  }
  std::size_t lost = 0;
  if (cuptiActivityGetNumDroppedRecords(context, stream, &lost) == CUPTI_SUCCESS) g_lost += lost;
  std::free(buffer);
}

// The first call and the first work under CUPTI pay for setting it up, 2 ms on an H200: let them be none of
// the program's, and forget them.
void warm_up() {
  {
    DeviceBuffer<int> one(1);
    one.fill_bytes(0);
    WB_CUDA_CHECK(cudaDeviceSynchronize());
  }
  check_cupti(cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "cuptiActivityFlushAll");
  const std::lock_guard lock(g_mutex);
  g_records.clear();
  g_lost = 0;
}

void disable_all() noexcept {
  static_cast<void>(cuptiActivityDisable(kKernels));
  if (!g_everything) return;
  for (const CUpti_ActivityKind kind : kTheRest) static_cast<void>(cuptiActivityDisable(kind));
}

// cuBLAS launches through the runtime, whose calls contain the driver's: keep the outer of two nested calls.
void drop_nested_calls(std::vector<DeviceRecord>& records) {
  std::vector<std::pair<std::uint32_t, std::int64_t>>
      open_until;  // per thread, the end of the latest outer call
  std::erase_if(records, [&](const DeviceRecord& record) {
    if (record.kind != DeviceRecordKind::kCall) return false;
    for (auto& [thread, end] : open_until) {
      if (thread != record.thread) continue;
      if (record.end_ns <= end) return true;
      end = record.end_ns;
      return false;
    }
    open_until.emplace_back(record.thread, record.end_ns);
    return false;
  });
}

}  // namespace

std::string device_records_unavailable() {
  // One subscriber at a time: under ncu or compute-sanitizer the place is taken, for as long as we live.
  static const std::string reason = [] {
    const CUptiResult result = cuptiActivityRegisterCallbacks(request_buffer, complete_buffer);
    // Number threads as the system does, and as the host's ranges do.
    if (result == CUPTI_SUCCESS)
      static_cast<void>(cuptiSetThreadIdType(CUPTI_ACTIVITY_THREAD_ID_TYPE_SYSTEM));
    if (result == CUPTI_SUCCESS) return std::string();
    const char* text = "unknown error";
    cuptiGetResultString(result, &text);
    return std::string("CUPTI cannot record here (") + text + "): is another profiler attached?";
  }();
  return reason;
}

void start_device_records(bool everything, std::size_t most_records) {
  if (g_recording.exchange(true))
    throw Error("the profiler cannot start: another profiler is recording; stop it first");
  try {
    WB_CUDA_CHECK(cudaDeviceSynchronize());
    if (const std::string reason = device_records_unavailable(); !reason.empty()) throw Error(reason);
    {
      const std::lock_guard lock(g_mutex);
      g_records.clear();
      g_most_records = most_records;
      g_lost = 0;
    }
    g_everything = everything;
    check_cupti(cuptiActivityRegisterCallbacks(request_buffer, complete_buffer),
                "cuptiActivityRegisterCallbacks");
    check_cupti(cuptiActivityEnable(kKernels), "cuptiActivityEnable");
    if (!everything) return;
    for (const CUpti_ActivityKind kind : kTheRest)
      check_cupti(cuptiActivityEnable(kind), "cuptiActivityEnable");
    warm_up();
  } catch (...) {
    drop_device_records();
    throw;
  }
}

DeviceRecords stop_device_records() {
  g_recording = false;
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  check_cupti(cuptiActivityFlushAll(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED), "cuptiActivityFlushAll");
  disable_all();
  const std::lock_guard lock(g_mutex);
  DeviceRecords result{std::move(g_records), g_lost};
  g_records.clear();
  for (DeviceRecord& record : result.records) {
    if (record.kind == DeviceRecordKind::kKernel) record.name = short_kernel_name(record.name);
  }
  // Of calls that start together the outer one first.
  std::stable_sort(result.records.begin(), result.records.end(),
                   [](const DeviceRecord& x, const DeviceRecord& y) {
                     return x.start_ns != y.start_ns ? x.start_ns < y.start_ns : x.end_ns > y.end_ns;
                   });
  drop_nested_calls(result.records);
  return result;
}

void drop_device_records() noexcept {
  disable_all();
  g_recording = false;
}

std::int64_t device_clock_ns() noexcept {
  std::uint64_t now = 0;
  static_cast<void>(cuptiGetTimestamp(&now));
  return static_cast<std::int64_t>(now);
}

}  // namespace wb
