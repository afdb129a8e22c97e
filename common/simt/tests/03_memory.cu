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
