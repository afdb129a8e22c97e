// A CUDA build without CUPTI: everything works but profiles and traces.
#include "common/core/error.h"
#include "common/profiler/device_records.h"

namespace wb {

std::string device_records_unavailable() {
  return "this build has no CUPTI: install the CUDA toolkit's CUPTI (Debian/Ubuntu: cuda-cupti-dev), then "
         "configure again";
}

void start_device_records(bool, std::size_t) {
  throw Error("the profiler cannot start: " + device_records_unavailable());
}

DeviceRecords stop_device_records() {
  throw Error("the profiler cannot stop: " + device_records_unavailable());
}

void drop_device_records() noexcept {}

std::int64_t device_clock_ns() noexcept {
  return 0;
}

}  // namespace wb
