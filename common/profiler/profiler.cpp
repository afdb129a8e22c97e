// The Profiler: kernels out of the device's records.
#include "common/profiler/profiler.h"

#include "common/core/error.h"
#include "common/profiler/device_records.h"

namespace wb {

std::string Profiler::unavailable() {
  return device_records_unavailable();
}

void Profiler::start() {
  start_device_records(/*everything=*/false);
  recording_ = true;
}

std::vector<KernelRecord> Profiler::stop() {
  if (!recording_) throw Error("Profiler::stop: start() was not called");
  recording_ = false;
  const DeviceRecords device = stop_device_records();
  if (device.lost > 0) {
    throw Error("the profiler lost " + to_text(device.lost) + " records: profile fewer steps");
  }
  std::vector<KernelRecord> kernels;
  for (const DeviceRecord& record : device.records) {
    if (record.kind != DeviceRecordKind::kKernel) continue;
    kernels.push_back({record.name, record.start_ns, record.end_ns});
  }
  return kernels;
}

Profiler::~Profiler() {
  if (recording_) drop_device_records();
}

}  // namespace wb
