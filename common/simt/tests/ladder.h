// What every rung of the ladder uses: run a kernel that fills an array, look at the array.
//
// The rungs are plain CUDA. They hold on a GPU as on the CPU device; what only the CPU device promises is in
// *_cpu files.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/core/device_buffer.h"

/// Calls launch(pointer to n elements on the device), waits, returns the elements.
template <class T, class Launch>
std::vector<T> results(std::size_t n, Launch launch) {
  wb::DeviceBuffer<T> out(n);
  out.fill_bytes(0);
  launch(out.data());
  WB_CHECK_LAUNCH();
  WB_CUDA_CHECK(cudaDeviceSynchronize());
  return out.download();
}
