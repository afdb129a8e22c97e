// Rung 4: memory that a block shares. Static, static in templates, dynamic in any type and size.
#include "common/simt/tests/ladder.h"

namespace {

__global__ void reverse_static(int* out) {
  __shared__ int tile[64];
  tile[threadIdx.x] = blockIdx.x * 100 + threadIdx.x;
  __syncthreads();
  out[blockIdx.x * 64 + threadIdx.x] = tile[63 - threadIdx.x];
}

TEST(SharedMemory, StaticBelongsToTheBlock) {
  const auto out = results<int>(64 * 20, [](int* p) { reverse_static<<<20, 64>>>(p); });
  for (int i = 0; i < 64 * 20; ++i) ASSERT_EQ(out[i], i / 64 * 100 + 63 - i % 64);
}

template <class T, int kSize>
__global__ void rotate(T* out) {
  __shared__ T tile[kSize];
  __shared__ T factor;
  if (threadIdx.x == 0) factor = T(kSize);
  tile[threadIdx.x] = T(threadIdx.x);
  __syncthreads();
  out[threadIdx.x] = tile[(threadIdx.x + 1) % kSize] * factor;
}

TEST(SharedMemory, EveryInstanceOfATemplateHasItsOwn) {
  EXPECT_EQ(results<float>(3, [](auto* p) { rotate<float, 3><<<1, 3>>>(p); }), (std::vector{3.f, 6.f, 0.f}));
  EXPECT_EQ(results<double>(2, [](auto* p) { rotate<double, 2><<<1, 2>>>(p); }), (std::vector{2.0, 0.0}));
  EXPECT_EQ(results<int>(2, [](auto* p) { rotate<int, 2><<<1, 2>>>(p); }), (std::vector{2, 0}));
}

__device__ float block_sum(float value) {
  __shared__ float partial[256];
  partial[threadIdx.x] = value;
  __syncthreads();
  for (unsigned step = blockDim.x / 2; step != 0; step /= 2) {
    if (threadIdx.x < step) partial[threadIdx.x] += partial[threadIdx.x + step];
    __syncthreads();
  }
  return partial[0];
}
__global__ void sum_in_function(float* out) {
  out[threadIdx.x] = block_sum(float(threadIdx.x));
}

TEST(SharedMemory, InsideADeviceFunction) {
  EXPECT_EQ(results<float>(256, [](float* p) { sum_in_function<<<1, 256>>>(p); }),
            std::vector<float>(256, 32640.0f));
}

__global__ void reverse_dynamic(int* out) {
  extern __shared__ int tile[];
  tile[threadIdx.x] = threadIdx.x;
  __syncthreads();
  out[threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
}

TEST(SharedMemory, Dynamic) {
  const auto out = results<int>(200, [](int* p) { reverse_dynamic<<<1, 200, 200 * sizeof(int)>>>(p); });
  for (int i = 0; i < 200; ++i) ASSERT_EQ(out[i], 199 - i);
}

// One allocation cut into parts of several types.
__global__ void cut(float4* vectors, double* numbers) {
  extern __shared__ __align__(16) unsigned char raw[];
  auto* first = reinterpret_cast<float4*>(raw);
  auto* second = reinterpret_cast<double*>(raw + blockDim.x * sizeof(float4));
  const float t = threadIdx.x;
  first[threadIdx.x] = make_float4(t, t + 1, t + 2, t + 3);
  second[threadIdx.x] = 2.0 * threadIdx.x;
  __syncthreads();
  const unsigned other = blockDim.x - 1 - threadIdx.x;
  vectors[threadIdx.x] = first[other];
  numbers[threadIdx.x] = second[other];
}

TEST(SharedMemory, DynamicCutIntoParts) {
  wb::DeviceBuffer<float4> vectors(32);
  wb::DeviceBuffer<double> numbers(32);
  cut<<<1, 32, 32 * (sizeof(float4) + sizeof(double))>>>(vectors.data(), numbers.data());
  WB_CHECK_LAUNCH();
  const auto v = vectors.download();
  const auto n = numbers.download();
  for (int i = 0; i < 32; ++i) {
    ASSERT_EQ(v[i].w, 34.0f - i);
    ASSERT_EQ(n[i], 2.0 * (31 - i));
  }
}

__global__ void touch_both_ends(int* out, int last) {
  extern __shared__ int big[];
  if (threadIdx.x == 0) big[0] = 11;
  if (threadIdx.x == 1) big[last] = 22;
  __syncthreads();
  out[threadIdx.x] = big[threadIdx.x == 0 ? last : 0];
}

TEST(SharedMemory, MoreThan48KiBByRequest) {
  constexpr int kBytes = 96 * 1024;
  ASSERT_EQ(cudaFuncSetAttribute(touch_both_ends, cudaFuncAttributeMaxDynamicSharedMemorySize, kBytes),
            cudaSuccess);
  EXPECT_EQ(results<int>(2, [](int* p) { touch_both_ends<<<1, 2, kBytes>>>(p, kBytes / 4 - 1); }),
            (std::vector{22, 11}));
}

__global__ void aligned(unsigned long long* out) {
  __shared__ alignas(128) float tile[32];
  __shared__ __align__(16) char text[3];
  out[0] = reinterpret_cast<unsigned long long>(tile) % 128;
  out[1] = reinterpret_cast<unsigned long long>(text) % 16;
}

TEST(SharedMemory, Alignment) {
  EXPECT_EQ(results<unsigned long long>(2, [](auto* p) { aligned<<<1, 1>>>(p); }),
            (std::vector<unsigned long long>{0, 0}));
}

}  // namespace
