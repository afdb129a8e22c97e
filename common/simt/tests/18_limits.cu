// Rung 18: the limits of the hardware, and how errors travel. A launch that cannot be has CUDA's error code
// and leaves the device as it was.
#include <cstring>

#include "common/simt/tests/ladder.h"

namespace {

__global__ void touch(int* out) {
  *out = 1;
}
__global__ void touch_shared(int* out) {
  extern __shared__ int tile[];
  tile[0] = 2;
  *out = tile[0];
}

cudaError_t launch(dim3 grid, dim3 block, std::size_t shared = 0) {
  wb::DeviceBuffer<int> out(1);
  touch<<<grid, block, shared>>>(out.data());
  return cudaGetLastError();
}

// CUDA's documentation promises cudaErrorInvalidConfiguration; the runtime of CUDA 13.0 was seen to return
// cudaErrorInvalidValue for the same launches.
bool is_refused(cudaError_t code) {
  return code == cudaErrorInvalidConfiguration || code == cudaErrorInvalidValue;
}

TEST(Limits, ThreadsOfABlock) {
  EXPECT_EQ(launch(1, 1024), cudaSuccess);
  EXPECT_EQ(launch(1, dim3(32, 32)), cudaSuccess);
  EXPECT_EQ(launch(1, dim3(1, 1, 64)), cudaSuccess);
  EXPECT_TRUE(is_refused(launch(1, 1025)));
  EXPECT_TRUE(is_refused(launch(1, dim3(33, 32))));
  EXPECT_TRUE(is_refused(launch(1, dim3(1, 1, 65))));
  EXPECT_TRUE(is_refused(launch(1, 0)));
}

TEST(Limits, BlocksOfAGrid) {
  EXPECT_TRUE(is_refused(launch(0, 32)));
  EXPECT_TRUE(is_refused(launch(dim3(1, 0), 32)));
  EXPECT_TRUE(is_refused(launch(dim3(1, 65536), 32)));
  EXPECT_TRUE(is_refused(launch(dim3(1, 1, 65536), 32)));
  EXPECT_EQ(launch(dim3(1, 65535), 1), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

TEST(Limits, DynamicSharedMemory) {
  wb::DeviceBuffer<int> out(1);
  touch_shared<<<1, 1, 48 * 1024>>>(out.data());
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  touch_shared<<<1, 1, 48 * 1024 + 4>>>(out.data());
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  ASSERT_EQ(cudaFuncSetAttribute(touch_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 * 1024),
            cudaSuccess);
  touch_shared<<<1, 1, 64 * 1024>>>(out.data());
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  touch_shared<<<1, 1, 64 * 1024 + 4>>>(out.data());
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  cudaFuncAttributes attributes;
  ASSERT_EQ(cudaFuncGetAttributes(&attributes, touch_shared), cudaSuccess);
  EXPECT_EQ(attributes.maxDynamicSharedSizeBytes, 64 * 1024);
  int most = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0), cudaSuccess);
  EXPECT_EQ(cudaFuncSetAttribute(touch_shared, cudaFuncAttributeMaxDynamicSharedMemorySize, most + 1),
            cudaErrorInvalidValue);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidValue);
  EXPECT_EQ(out.download()[0], 2);
}

TEST(Limits, ARefusedLaunchChangesNothing) {
  wb::DeviceBuffer<int> out(1);
  out.fill_bytes(0);
  touch<<<1, 2000>>>(out.data());
  EXPECT_TRUE(is_refused(cudaPeekAtLastError()));
  EXPECT_TRUE(is_refused(cudaPeekAtLastError()));
  EXPECT_TRUE(is_refused(cudaGetLastError()));
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  EXPECT_EQ(out.download()[0], 0);
}

TEST(Limits, NamesOfErrors) {
  EXPECT_STREQ(cudaGetErrorName(cudaErrorInvalidConfiguration), "cudaErrorInvalidConfiguration");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorInvalidConfiguration), "invalid configuration argument");
  EXPECT_STREQ(cudaGetErrorName(cudaSuccess), "cudaSuccess");
  EXPECT_STREQ(cudaGetErrorString(cudaErrorMemoryAllocation), "out of memory");
  EXPECT_STREQ(cudaGetErrorString(static_cast<cudaError_t>(123456)), "unrecognized error code");
}

TEST(Limits, Device) {
  int count = 0, device = -1;
  ASSERT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_GE(count, 1);
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  ASSERT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
  EXPECT_EQ(cudaSetDevice(count), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidDevice);
  cudaDeviceProp properties;
  ASSERT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
  EXPECT_GT(std::strlen(properties.name), 0u);
  EXPECT_EQ(properties.warpSize, 32);
  EXPECT_EQ(properties.maxThreadsPerBlock, 1024);
  EXPECT_EQ(properties.sharedMemPerBlock, 48u * 1024);
  EXPECT_GE(properties.multiProcessorCount, 1);
  int value = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&value, cudaDevAttrMultiProcessorCount, 0), cudaSuccess);
  EXPECT_EQ(value, properties.multiProcessorCount);
}

TEST(Limits, Occupancy) {
  int blocks = 0;
  ASSERT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, touch, 1024, 0), cudaSuccess);
  EXPECT_GE(blocks, 1);
  EXPECT_LE(blocks, 2);
  int narrow = 0;
  ASSERT_EQ(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&narrow, touch, 128, 40 * 1024), cudaSuccess);
  EXPECT_GE(narrow, 1);
  EXPECT_LT(narrow, 16);
  int grid = 0, block = 0;
  ASSERT_EQ(cudaOccupancyMaxPotentialBlockSize(&grid, &block, touch), cudaSuccess);
  EXPECT_GE(grid, 1);
  EXPECT_GE(block, 32);
  EXPECT_LE(block, 1024);
}

}  // namespace
