// What the sources of records share: one recorder at a time.
#include "common/profiler/device_records.h"

namespace wb {

const char* copy_direction(cudaMemcpyKind kind) {
  switch (kind) {
    case cudaMemcpyHostToHost:
      return "host to host";
    case cudaMemcpyHostToDevice:
      return "host to device";
    case cudaMemcpyDeviceToHost:
      return "device to host";
    case cudaMemcpyDeviceToDevice:
      return "device to device";
    default:
      return "unknown";
  }
}

}  // namespace wb
