// Rung 14: variables that live on the device: __device__ and __constant__, read and
// written from the host by name.
#include "common/simt/tests/ladder.h"

namespace {

__device__ int counter = 5;
__device__ float table[8];
__constant__ float coefficients[4];
__constant__ int offset = 3;

__global__ void use(float* out) {
  const float x = static_cast<float>(threadIdx.x);
  out[threadIdx.x] =
      coefficients[0] + x * (coefficients[1] + x * (coefficients[2] + x * coefficients[3])) + offset;
  if (threadIdx.x < 8) table[threadIdx.x] = x * x;
  if (threadIdx.x == 0) ++counter;
}

TEST(Symbols, ConstantAndDevice) {
  const float host[4] = {1, 2, 3, 4};
  ASSERT_EQ(cudaMemcpyToSymbol(coefficients, host, sizeof(host)), cudaSuccess);
  const auto out = results<float>(16, [](float* p) { use<<<1, 16>>>(p); });
  for (int i = 0; i < 16; ++i) {
    const float x = static_cast<float>(i);
    ASSERT_EQ(out[i], 1 + x * (2 + x * (3 + x * 4)) + 3);
  }
  float squares[8];
  ASSERT_EQ(cudaMemcpyFromSymbol(squares, table, sizeof(squares)), cudaSuccess);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(squares[i], static_cast<float>(i * i));
  int count = 0;
  ASSERT_EQ(cudaMemcpyFromSymbol(&count, counter, sizeof(int)), cudaSuccess);
  EXPECT_EQ(count, 6);
}

TEST(Symbols, PartOfASymbolInAStream) {
  cudaStream_t stream;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  const float two[2] = {70, 80};
  float back[3] = {};
  ASSERT_EQ(
      cudaMemcpyToSymbolAsync(table, two, sizeof(two), 2 * sizeof(float), cudaMemcpyHostToDevice, stream),
      cudaSuccess);
  ASSERT_EQ(
      cudaMemcpyFromSymbolAsync(back, table, sizeof(back), sizeof(float), cudaMemcpyDeviceToHost, stream),
      cudaSuccess);
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(back[1], 70.0f);
  EXPECT_EQ(back[2], 80.0f);
  EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
}

TEST(Symbols, AddressAndSize) {
  void* address = nullptr;
  std::size_t size = 0;
  ASSERT_EQ(cudaGetSymbolAddress(&address, table), cudaSuccess);
  ASSERT_EQ(cudaGetSymbolSize(&size, table), cudaSuccess);
  EXPECT_EQ(size, sizeof(float) * 8);
  ASSERT_EQ(cudaMemset(address, 0, size), cudaSuccess);
  float back[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  ASSERT_EQ(cudaMemcpy(back, address, size, cudaMemcpyDeviceToHost), cudaSuccess);
  for (const float value : back) EXPECT_EQ(value, 0.0f);
}

TEST(Symbols, TooLongACopyIsRefused) {
  float host[9] = {};
  EXPECT_NE(cudaMemcpyToSymbol(table, host, sizeof(host)), cudaSuccess);
  static_cast<void>(cudaGetLastError());
}

}  // namespace
