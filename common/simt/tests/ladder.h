// What every rung of the ladder uses: run a kernel that fills an array, look at the array.
//
// The rungs are plain CUDA. They hold on a GPU as on the CPU device; what only the CPU device promises is in
// *_cpu files.
#pragma once

#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <vector>

#include "common/core/device_buffer.h"

// What a GPU before compute capability 8.0 does not have: such code is compiled for later ones alone, and its
// test begins with SKIP_BEFORE_8_0. The CPU device has it all.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define LADDER_SINCE_8_0 0
#else
#define LADDER_SINCE_8_0 1
#endif

/// Leaves the test where the GPU is older, and says what it lacks.
#define SKIP_BEFORE_8_0(what)                                                                   \
  do {                                                                                          \
    int ladder_major = 0;                                                                       \
    WB_CUDA_CHECK(cudaDeviceGetAttribute(&ladder_major, cudaDevAttrComputeCapabilityMajor, 0)); \
    if (ladder_major < 8) GTEST_SKIP() << what << " needs compute capability 8.0";              \
  } while (0)

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
