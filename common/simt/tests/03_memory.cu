// Rung 3: memory of the device. Allocation, copies in every direction, fills, pitched
// and managed memory, addresses.
#include <cstring>
#include <numeric>

#include "common/simt/tests/ladder.h"

namespace {

__global__ void add_one(int* data, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) data[i] += 1;
}

std::vector<int> counting(int n) {
  std::vector<int> values(n);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(Memory, RoundTrip) {
  const auto host = counting(1000);
  int *first = nullptr, *second = nullptr;
  ASSERT_EQ(cudaMalloc(&first, 4000), cudaSuccess);
  ASSERT_EQ(cudaMalloc(&second, 4000), cudaSuccess);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 256, 0u);
  ASSERT_EQ(cudaMemcpy(first, host.data(), 4000, cudaMemcpyHostToDevice), cudaSuccess);
  add_one<<<4, 256>>>(first, 1000);
  ASSERT_EQ(cudaMemcpy(second, first, 4000, cudaMemcpyDeviceToDevice), cudaSuccess);
  std::vector<int> back(1000);
  ASSERT_EQ(cudaMemcpy(back.data(), second, 4000, cudaMemcpyDefault), cudaSuccess);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(back[i], i + 1);
  EXPECT_EQ(cudaFree(first), cudaSuccess);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
  EXPECT_EQ(cudaFree(nullptr), cudaSuccess);
}

TEST(Memory, Fill) {
  wb::DeviceBuffer<unsigned char> bytes(100);
  ASSERT_EQ(cudaMemset(bytes.data(), 0, 100), cudaSuccess);
  ASSERT_EQ(cudaMemset(bytes.data() + 10, 0xab, 20), cudaSuccess);
  const auto host = bytes.download();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(host[i], i >= 10 && i < 30 ? 0xab : 0) << i;
}

TEST(Memory, AsyncCopiesFollowTheStream) {
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  int *pinned = nullptr, *device = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, 4000), cudaSuccess);
  ASSERT_EQ(cudaMallocAsync(&device, 4000, stream), cudaSuccess);
  for (int i = 0; i < 1000; ++i) pinned[i] = i;
  ASSERT_EQ(cudaMemcpyAsync(device, pinned, 4000, cudaMemcpyHostToDevice, stream), cudaSuccess);
  add_one<<<4, 256, 0, stream>>>(device, 1000);
  ASSERT_EQ(cudaMemcpyAsync(pinned, device, 4000, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  ASSERT_EQ(cudaFreeAsync(device, stream), cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(pinned[i], i + 1);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST(Memory, RowsWithPitch) {
  int* device = nullptr;
  std::size_t pitch = 0;
  ASSERT_EQ(cudaMallocPitch(&device, &pitch, 5 * sizeof(int), 3), cudaSuccess);
  ASSERT_GE(pitch, 5 * sizeof(int));
  const auto host = counting(15);
  ASSERT_EQ(cudaMemcpy2D(device, pitch, host.data(), 20, 20, 3, cudaMemcpyHostToDevice), cudaSuccess);
  std::vector<int> back(6, -1);  // the middle two columns
  ASSERT_EQ(cudaMemcpy2D(back.data(), 8, device + 1, pitch, 8, 3, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(back, (std::vector{1, 2, 6, 7, 11, 12}));
  EXPECT_EQ(cudaMemcpy2D(back.data(), 4, device, pitch, 8, 3, cudaMemcpyDeviceToHost),
            cudaErrorInvalidPitchValue);
  static_cast<void>(cudaGetLastError());
  EXPECT_EQ(cudaFree(device), cudaSuccess);
}

TEST(Memory, ManagedMemoryIsSeenByBothSides) {
  int* data = nullptr;
  ASSERT_EQ(cudaMallocManaged(&data, 400), cudaSuccess);
  for (int i = 0; i < 100; ++i) data[i] = 2 * i;
  add_one<<<1, 128>>>(data, 100);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(data[i], 2 * i + 1);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST(Memory, KindsOfAddresses) {
  wb::DeviceBuffer<int> device(10);
  int* pinned = nullptr;
  int local = 0;
  ASSERT_EQ(cudaHostAlloc(&pinned, 40, cudaHostAllocDefault), cudaSuccess);
  cudaPointerAttributes attributes;
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, device.data() + 3), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeDevice);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, pinned), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeHost);
  ASSERT_EQ(cudaPointerGetAttributes(&attributes, &local), cudaSuccess);
  EXPECT_EQ(attributes.type, cudaMemoryTypeUnregistered);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST(Memory, PaddedRowsAreFilled) {
  unsigned char* device = nullptr;
  std::size_t pitch = 0;
  ASSERT_EQ(cudaMallocPitch(&device, &pitch, 5, 3), cudaSuccess);
  ASSERT_EQ(cudaMemset(device, 7, 3 * pitch), cudaSuccess);
  ASSERT_EQ(cudaMemset2D(device + 1, pitch, 9, 3, 2), cudaSuccess);
  std::vector<unsigned char> back(3 * pitch);
  ASSERT_EQ(cudaMemcpy(back.data(), device, back.size(), cudaMemcpyDeviceToHost), cudaSuccess);
  for (std::size_t i = 0; i < back.size(); ++i) {
    const bool inside = i / pitch < 2 && i % pitch >= 1 && i % pitch < 4;
    ASSERT_EQ(back[i], inside ? 9 : 7) << i;
  }
  EXPECT_NE(cudaMemset2D(device, 4, 0, 8, 2), cudaSuccess);
  static_cast<void>(cudaGetLastError());
  EXPECT_EQ(cudaFree(device), cudaSuccess);
}

TEST(Memory, MappedHostMemoryIsReachedByKernels) {
  int *host = nullptr, *device = nullptr;
  ASSERT_EQ(cudaHostAlloc(&host, 100 * sizeof(int), cudaHostAllocMapped), cudaSuccess);
  for (int i = 0; i < 100; ++i) host[i] = i;
  ASSERT_EQ(cudaHostGetDevicePointer(&device, host, 0), cudaSuccess);
  add_one<<<1, 128>>>(device, 100);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(host[i], i + 1);
  EXPECT_EQ(cudaFreeHost(host), cudaSuccess);
}

#if CUDART_VERSION >= 13000
TEST(Memory, HintsForManagedMemory) {
  int concurrent = 0;
  ASSERT_EQ(cudaDeviceGetAttribute(&concurrent, cudaDevAttrConcurrentManagedAccess, 0), cudaSuccess);
  if (concurrent == 0) GTEST_SKIP() << "managed memory stays where it is here";
  int* data = nullptr;
  ASSERT_EQ(cudaMallocManaged(&data, 400), cudaSuccess);
  for (int i = 0; i < 100; ++i) data[i] = i;
  const cudaMemLocation device{cudaMemLocationTypeDevice, 0}, host{cudaMemLocationTypeHost, 0};
  EXPECT_EQ(cudaMemAdvise(data, 400, cudaMemAdviseSetPreferredLocation, device), cudaSuccess);
  EXPECT_EQ(cudaMemPrefetchAsync(data, 400, device, 0), cudaSuccess);
  add_one<<<1, 128>>>(data, 100);
  EXPECT_EQ(cudaMemPrefetchAsync(data, 400, host, 0), cudaSuccess);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(data[i], i + 1);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}
#endif

TEST(Memory, FreeAndTotal) {
  std::size_t available = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&available, &total), cudaSuccess);
  EXPECT_GT(available, 0u);
  EXPECT_LE(available, total);
}

TEST(Memory, WhatCannotBe) {
  void* pointer = nullptr;
  EXPECT_EQ(cudaMalloc(&pointer, std::size_t{1} << 50), cudaErrorMemoryAllocation);
  EXPECT_EQ(pointer, nullptr);
  int local = 0;
  EXPECT_EQ(cudaFree(&local), cudaErrorInvalidValue);
  wb::DeviceBuffer<int> device(4);
  int host[4] = {};
  EXPECT_EQ(cudaMemcpy(device.data(), host, 16, static_cast<cudaMemcpyKind>(9)),
            cudaErrorInvalidMemcpyDirection);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidMemcpyDirection);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

}  // namespace
