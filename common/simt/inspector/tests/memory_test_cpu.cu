// Accesses that go where they must not, or read what nobody wrote; and near misses.
#include "inspector/tests/ladder.h"

#include <simt/far.h>
#include <simt/inspection.h>
#include <cuda/atomic>

#include <set>

#include "instrumented/static_shared.h"

using namespace ladder;

namespace {

void expect_words(const std::vector<Finding>& found, const char* words) {
  EXPECT_NE(all(found).find(words), std::string::npos) << all(found);
}

constexpr int kPast = __LINE__ + 2;
__global__ void past_the_end(float* out, int n) {
  if (static_cast<int>(threadIdx.x) <= n) out[threadIdx.x] = 1;
}
TEST(OutOfBounds, OneElementPastTheEnd) {
  const auto found = findings([] { past_the_end<<<1, 64>>>(zeros<float>(33), 33); });
  expect_only(found, What::kOutOfBounds, {kPast});
  expect_words(found, "0 bytes past the end of an array of 132 bytes");
  expect_words(found, "thread (33,0,0)");
}
TEST(OutOfBounds, TheLastElementIsInside) {
  EXPECT_CLEAN([] { past_the_end<<<1, 64>>>(zeros<float>(34), 33); });
}

constexpr int kByte = __LINE__ + 2;
__global__ void one_byte(unsigned char* out, int i) {
  out[i] = 1;
}
TEST(OutOfBounds, IsKnownToTheByte) {
  EXPECT_CLEAN([] { one_byte<<<1, 1>>>(zeros<unsigned char>(5), 4); });
  expect_only(findings([] { one_byte<<<1, 1>>>(zeros<unsigned char>(5), 5); }), What::kOutOfBounds, {kByte});
  const auto found = findings([] { one_byte<<<1, 1>>>(zeros<unsigned char>(5), -1); });
  expect_only(found, What::kOutOfBounds, {kByte});
  expect_words(found, "1 bytes before the start of an array of 5 bytes");
}
// As far as the gap between two allocations is wide.
TEST(OutOfBounds, FarAwayIsNotANeighbor) {
  for (const int index : {5000, 20'000'000, 50'000'000, -50'000'000}) {
    const auto found = findings([&] {
      zeros<unsigned char>(1000);
      auto* data = zeros<unsigned char>(1000);
      zeros<unsigned char>(1000);
      one_byte<<<1, 1>>>(data, index);
    });
    expect_only(found, What::kOutOfBounds, {kByte});
    if (index == 20'000'000) expect_words(found, "19999000 bytes past the end of an array of 1000 bytes");
  }
}
TEST(OutOfBounds, ForbiddenPartsOfAnAllocation) {
  expect_only(findings([] {
                auto* data = zeros<unsigned char>(100);
                simt::declare_forbidden(data + 50, 50);
                one_byte<<<1, 1>>>(data, 50);
              }),
              What::kOutOfBounds, {kByte});
  EXPECT_CLEAN([] {
    auto* data = zeros<unsigned char>(100);
    simt::declare_forbidden(data + 50, 50);
    one_byte<<<1, 1>>>(data, 49);
  });
}

// Passing a structure by value is a load, though the compiler instruments only what stands in the function
// itself.
struct alignas(16) Four {
  float values[4];
};
__device__ float sum_of(Four four) {
  float sum = 0;
  for (const float value : four.values) sum += value;
  return sum;
}
__global__ void by_value(const Four* from, float* out) {
  out[threadIdx.x] = sum_of(from[threadIdx.x + 1]);
}
TEST(OutOfBounds, PassedByValue) {
  const auto found = findings([] { by_value<<<1, 32>>>(zeros<Four>(32), zeros<float>(32)); });
  ASSERT_EQ(found.size(), 1u) << all(found);
  EXPECT_EQ(found[0].what, What::kOutOfBounds) << all(found);
  EXPECT_CLEAN([] { by_value<<<1, 32>>>(zeros<Four>(33), zeros<float>(32)); });
}

TEST(UseAfterFree, IsFound) {
  expect_only(findings([] {
                auto* data = zeros<unsigned char>(100);
                cudaFree(data);
                zeros<unsigned char>(100);
                one_byte<<<1, 1>>>(data, 50);
              }),
              What::kUseAfterFree, {kByte});
}

constexpr int kSmall = __LINE__ + 3;
__global__ void small_shared(float* out) {
  __shared__ float of_warp[8];
  of_warp[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = of_warp[threadIdx.x % 8];
}
TEST(OutOfBounds, StaticSharedArray) {
  const auto found = findings([] { small_shared<<<1, 9>>>(zeros<float>(9)); });
  expect_only(found, What::kOutOfBounds, {kSmall});
  expect_words(found, "index 8 of an array of type float");
  expect_words(found, ": access by block");  // the compiler does not say whether it is a read or a write
  EXPECT_CLEAN([] { small_shared<<<1, 8>>>(zeros<float>(8)); });
}

constexpr int kReversed = __LINE__ + 3;
__global__ void reversed(float* out) {
  __shared__ float tile[64];
  out[threadIdx.x] = tile[64 - threadIdx.x];
  __syncthreads();
  out[threadIdx.x] = tile[64 - threadIdx.x];
}
TEST(OutOfBounds, HidesNoUnwrittenReadOfTheSameLine) {
  const auto found = findings([] { reversed<<<1, 64>>>(zeros<float>(64)); });
  ASSERT_EQ(found.size(), 2u) << all(found);
  EXPECT_EQ(found[0].what, What::kOutOfBounds) << all(found);
  EXPECT_EQ(found[1].what, What::kNeverWritten) << all(found);
  for (const Finding& finding : found) EXPECT_EQ(finding.parties[0].line, kReversed) << all(found);
  EXPECT_EQ(found[1].count, 63u) << all(found);
}

TEST(OutOfBounds, NamesNoVariableOfTheRuntime) {
  std::set<std::string> names;
  for (std::uintptr_t at = 0; at < simt::instrumented::thread_variable_bytes(); ++at) {
    if (const auto* array = simt::instrumented::shared_array_at(at); array != nullptr)
      names.insert(array->name);
  }
  EXPECT_TRUE(names.contains("of_warp") && names.contains("tile"));
  for (const char* own : {"context", "watch", "mine", "t_last_error"})
    EXPECT_FALSE(names.contains(own)) << own;
}

// Thread 0 fails before it sets the flag that thread 1 waits for.
__global__ void waits_for_flag(int* flag, float* out, int n) {
  __shared__ float tile[8];
  if (threadIdx.x == 0) {
    tile[n] = 1;
    atomicExch(flag, 1);
  } else {
    while (atomicAdd(flag, 0) == 0) {
    }
  }
  out[threadIdx.x] = 1;
}
TEST(OutOfBounds, EndsWhereOthersWaitInALoop) {
  const auto found = findings([] { waits_for_flag<<<1, 2>>>(zeros<int>(1), zeros<float>(2), 8); });
  ASSERT_EQ(found.size(), 1u) << all(found);
  EXPECT_EQ(found[0].what, What::kOutOfBounds) << all(found);
}

constexpr int kDynamicPast = __LINE__ + 3;
__global__ void dynamic_past(float* out, int n) {
  extern __shared__ float tile[];
  tile[threadIdx.x + n] = 1;
  out[threadIdx.x] = tile[threadIdx.x + n];
}
TEST(OutOfBounds, DynamicSharedArray) {
  // 32 of 30 elements: the hardware allocates in larger units, so that nothing happens there.
  const auto found = findings([] { dynamic_past<<<1, 31, 30 * sizeof(float)>>>(zeros<float>(31), 0); });
  ASSERT_EQ(found.size(), 2u) << all(found);
  EXPECT_EQ(found[0].parties[0].line, kDynamicPast) << all(found);
  expect_words(found, "0 bytes past the end of the 120 bytes of dynamic shared memory");
  expect_words(findings([] { dynamic_past<<<1, 1>>>(zeros<float>(1), 0); }), "the third value in <<<blocks");
  EXPECT_CLEAN([] { dynamic_past<<<1, 30, 30 * sizeof(float)>>>(zeros<float>(31), 0); });
}

constexpr int kLocal = __LINE__ + 4;
__global__ void local_array(float* out, int n) {
  float values[4] = {};
  for (int i = 0; i < 4; ++i) out[i] = values[i];
  out[0] = values[n];
}
TEST(OutOfBounds, LocalArray) {
  expect_only(findings([] { local_array<<<1, 1>>>(zeros<float>(4), 4); }), What::kOutOfBounds, {kLocal});
  EXPECT_CLEAN([] { local_array<<<1, 1>>>(zeros<float>(4), 3); });
}

constexpr int kCopy = __LINE__ + 2;
__global__ void copy(const float* in, float* out) {
  out[threadIdx.x] = in[threadIdx.x];
}
TEST(NeverWritten, FreshMemory) {
  const auto found = findings([] {
    float* data = nullptr;
    cudaMalloc(&data, 64 * sizeof(float));
    cudaMemset(data, 0, 63 * sizeof(float));
    copy<<<1, 64>>>(data, zeros<float>(64));
  });
  expect_only(found, What::kNeverWritten, {kCopy});
  expect_words(found, "byte 252 of an array of 256 bytes");
}
TEST(NeverWritten, WhatACopyOrAKernelWroteIsWritten) {
  EXPECT_CLEAN([] {
    float *data = nullptr, *more = nullptr;
    cudaMalloc(&data, 64 * sizeof(float));
    cudaMalloc(&more, 64 * sizeof(float));
    copy<<<1, 64>>>(zeros<float>(64), data);
    cudaMemcpyAsync(more, data, 64 * sizeof(float), cudaMemcpyDeviceToDevice);
    copy<<<1, 64>>>(more, data);
  });
}
// All ones is what fresh memory is filled with.
__global__ void copy_bits(const int* from, int* to) {
  to[threadIdx.x] = from[threadIdx.x];
}
TEST(NeverWritten, WhatTheHostWroteIsWrittenWhateverItIs) {
  EXPECT_CLEAN([] {
    int* managed = nullptr;
    cudaMallocManaged(&managed, 64 * sizeof(int));
    for (int i = 0; i < 64; ++i) managed[i] = -1;
    copy_bits<<<1, 64>>>(managed, zeros<int>(64));
  });
}

TEST(NeverWritten, WhatWasDeclaredUnwritten) {
  expect_only(findings([] {
                float* data = zeros<float>(64);
                cudaMemset(data, 0xff, 64 * sizeof(float));
                simt::declare_unwritten(data, 64 * sizeof(float));
                copy<<<1, 64>>>(data, zeros<float>(64));
              }),
              What::kNeverWritten, {kCopy});
}

constexpr int kPartly = __LINE__ + 5;
__global__ void partly_written(float* out) {
  __shared__ float of_warp[32];
  if (threadIdx.x < 8) of_warp[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = of_warp[threadIdx.x];
}
TEST(NeverWritten, SharedSlots) {
  const auto found = findings([] { partly_written<<<1, 32>>>(zeros<float>(32)); });
  expect_only(found, What::kNeverWritten, {kPartly});
  expect_words(found, "of the 128 bytes of shared of_warp");
}

constexpr int kAdd = __LINE__ + 2;
__global__ void add(float* sum) {
  atomicAdd(sum, 1.0f);
}
TEST(NeverWritten, AtomicAdditionOntoNothing) {
  const auto found = findings([] {
    float* sum = nullptr;
    cudaMalloc(&sum, sizeof(float));
    add<<<2, 32>>>(sum);
  });
  expect_only(found, What::kNeverWritten, {kAdd});
  expect_words(found, "start value");
  EXPECT_CLEAN([] { add<<<2, 32>>>(zeros<float>(1)); });
}
__global__ void store(int* in_device) {
  __shared__ int in_block;
  for (int* place : {in_device, &in_block})
    cuda::atomic_ref<int, cuda::thread_scope_device>(*place).store(1, cuda::memory_order_relaxed);
  in_device[1] = in_device[0] + in_block;
}
TEST(NeverWritten, AtomicStoreReadsNothing) {
  int* two = nullptr;
  EXPECT_CLEAN([&] { cudaMalloc(&two, 2 * sizeof(int)), store<<<1, 1>>>(two); });
}

constexpr int kVector = __LINE__ + 2;
__global__ void vectors(const float* in, float4* out) {
  out[threadIdx.x] = *reinterpret_cast<const float4*>(in + 4 * threadIdx.x);
}
TEST(Misaligned, VectorAtAnElement) {
#ifdef __clang__
  GTEST_SKIP() << "Clang checks the alignment of members, not of whole structures that are copied";
#endif
  const auto found = findings([] { vectors<<<1, 4>>>(zeros<float>(32) + 1, zeros<float4>(4)); });
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].what, What::kMisaligned) << all(found);
  EXPECT_EQ(found[0].parties[0].line, kVector) << all(found);
  EXPECT_CLEAN([] { vectors<<<1, 4>>>(zeros<float>(32) + 4, zeros<float4>(4)); });
}

TEST(HostMemory, IsFound) {
  std::vector<float> host(64, 1.0f);
  const auto found = findings([&] { copy<<<1, 64>>>(host.data(), zeros<float>(64)); });
  expect_only(found, What::kHostMemory, {kCopy});
}
TEST(HostMemory, PinnedAndManagedMemoryIsForBoth) {
  float *pinned = nullptr, *managed = nullptr;
  cudaMallocHost(&pinned, 64 * sizeof(float));
  cudaMallocManaged(&managed, 64 * sizeof(float));
  cudaMemset(managed, 0, 64 * sizeof(float));
  std::fill(pinned, pinned + 64, 0.0f);
  const auto found = findings([&] {
    copy<<<1, 64>>>(pinned, managed);
    cudaDeviceSynchronize();
  });
  EXPECT_TRUE(found.empty()) << all(found);
  cudaFreeHost(pinned);
}

constexpr int kPeek = __LINE__ + 2;
float peek(const float* data) {
  return data[3];
}
TEST(DeviceMemory, ReadByTheHostIsFound) {
  float value = 0.0f;
  const auto found = findings([&] {
    const float* data = zeros<float>(64);
    cudaDeviceSynchronize();
    value = peek(data);
  });
  EXPECT_EQ(value, 0.0f);
  expect_only(found, What::kDeviceMemory, {kPeek});
  expect_words(found, "read by the host");
}
TEST(DeviceMemory, CopiesAndManagedMemoryAreFree) {
  EXPECT_CLEAN([] {
    float copy[64] = {}, *managed = nullptr;
    cudaMemcpy(copy, zeros<float>(64), sizeof(copy), cudaMemcpyDeviceToHost);
    cudaMallocManaged(&managed, sizeof(copy));
    managed[3] = peek(copy);
    peek(managed);
  });
}

constexpr int kProduct = __LINE__ + 2;
__global__ void product(const float* in, float* out, int rows, int columns) {
  out[0] = in[static_cast<unsigned>(rows * columns) % 64];
}
TEST(IndexOverflow, OfAnIntProduct) {
  const auto found = findings([] { product<<<1, 1>>>(zeros<float>(64), zeros<float>(1), 50000, 50000); });
  expect_only(found, What::kIndexOverflow, {kProduct});
  expect_words(found, "50000 * 50000 does not fit into int");
  EXPECT_CLEAN([] { product<<<1, 1>>>(zeros<float>(64), zeros<float>(1), 500, 500); });
}

constexpr int kNarrowed = __LINE__ + 2;
__global__ void narrowed(const float* in, float* out, int rows, int columns) {
  const int last = rows * static_cast<long long>(columns);
  out[0] = in[static_cast<unsigned>(last) % 64];
}
TEST(IndexOverflow, OfAWideProductInAnInt) {
#ifndef __clang__
  GTEST_SKIP() << "GCC has no check of conversions";
#endif
  const auto found = findings([] { narrowed<<<1, 1>>>(zeros<float>(64), zeros<float>(1), 50000, 50000); });
  expect_only(found, What::kIndexOverflow, {kNarrowed});
  expect_words(found, "2500000000 of type long long does not fit into");
  EXPECT_CLEAN([] { narrowed<<<1, 1>>>(zeros<float>(64), zeros<float>(1), 500, 500); });
}

constexpr int kWrapped = __LINE__ + 3;
__global__ void wrapped(const float* in, float* out, unsigned row, unsigned columns) {
  const int start = row * columns;
  *out = in[start];
}
TEST(FarMemory, IsNotWatchedButAnIndexBesideItIs) {
  constexpr std::size_t kFloats = std::size_t{1} << 32, kWindow = std::size_t{4} << 20;
  const auto read = [](unsigned row) {
    const auto* far = static_cast<float*>(simt::allocate_far(kFloats * sizeof(float), kWindow, 0));
    wrapped<<<1, 1>>>(far, zeros<float>(1), row, 1u << 16);
  };
  EXPECT_CLEAN([&] { read(0x7fff); });
  const auto found = findings([&] { read(0xffff); });
  expect_only(found, What::kOutOfBounds, {kWrapped});
  expect_words(found, "262144 bytes before the start of an allocation of 17179869184 bytes");
  expect_words(found, "64-bit type");
}

constexpr int kMask = __LINE__ + 2;
__global__ void mask_of(unsigned* out, unsigned lanes) {
  *out = (1u << lanes) - 1;
}
TEST(Shift, ByTheWidthOfTheType) {
  const auto found = findings([] { mask_of<<<1, 1>>>(zeros<unsigned>(1), 32); });
  expect_only(found, What::kShift, {kMask});
  expect_words(found, "1 shifted by 32, in unsigned int of 32 bits");
  expect_words(found, "computed by block (0,0,0)");
  EXPECT_CLEAN([] { mask_of<<<1, 1>>>(zeros<unsigned>(1), 31); });
}

__constant__ float kTable[4] = {1, 2, 3, 4};
__device__ float g_variable[4];
__global__ void constants(float* out) {
  g_variable[threadIdx.x] = kTable[threadIdx.x];
  out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, g_variable[threadIdx.x], 1);
  printf("%s", "");
}
TEST(HostMemory, ConstantsAndDeviceVariablesAreTheDevices) {
  EXPECT_CLEAN([] { constants<<<1, 4>>>(zeros<float>(4)); });
}

}  // namespace
