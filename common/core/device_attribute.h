// Attributes of the current device: the number of its multiprocessors, the size of its shared memory, and so
// on.
#pragma once

#include <cuda_runtime.h>

#include "common/core/check.h"

namespace wb {

inline int device_attribute(cudaDeviceAttr attribute) {
  int device = 0, value = 0;
  WB_CUDA_CHECK(cudaGetDevice(&device));
  WB_CUDA_CHECK(cudaDeviceGetAttribute(&value, attribute, device));
  return value;
}

}  // namespace wb
