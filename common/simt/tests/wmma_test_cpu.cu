// What only the CPU device promises of nvcuda::wmma: mistakes end as one line that says where and what.
#include <cuda_bf16.h>
#include <gtest/gtest.h>
#include <mma.h>
#include <simt/failure.h>

#include <cmath>
#include <string>
#include <vector>

#include "common/core/device_buffer.h"

namespace {

using namespace nvcuda;

using Sums = wmma::fragment<wmma::accumulator, 16, 16, 16, float>;
template <class Layout>
using A = wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, Layout>;
using B = wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::row_major>;

template <class Launch>
cudaError_t outcome(Launch launch) {
  launch();
  const cudaError_t code = cudaDeviceSynchronize();
  EXPECT_EQ(cudaDeviceReset(), cudaSuccess);
  return code;
}

#define EXPECT_EXPLAINED(part) \
  EXPECT_NE(simt::last_explanation().find(part), std::string::npos) << simt::last_explanation()

std::string at(int line) {
  return "wmma_test_cpu.cu:" + std::to_string(line);
}

constexpr int kStoreLine = __LINE__ + 5;
__global__ void store(float* out, unsigned ldm, unsigned lanes, int apart) {
  Sums sums;
  wmma::fill_fragment(sums, 1.0f);
  if (threadIdx.x % 32 >= lanes) return;
  wmma::store_matrix_sync(out + apart * threadIdx.x, sums, ldm, wmma::mem_row_major);
}

TEST(WmmaFailures, LanesThatHaveReturned) {
  wb::DeviceBuffer<float> out(512);
  EXPECT_EQ(outcome([&] { store<<<1, 32>>>(out.data(), 16, 31, 0); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("store_matrix_sync at " + at(kStoreLine));
  EXPECT_EXPLAINED("31 of the 32 lanes of the warp take part (mask 0x7fffffff)");
}

TEST(WmmaFailures, BlockThatEndsInsideAWarp) {
  wb::DeviceBuffer<float> out(512);
  EXPECT_EQ(outcome([&] { store<<<1, 40>>>(out.data(), 16, 32, 0); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("8 of the 32 lanes of the warp take part (mask 0x000000ff)");
}

TEST(WmmaFailures, AddressesThatAreNotAligned) {
  wb::DeviceBuffer<float> out(512);
  EXPECT_EQ(outcome([&] { store<<<1, 32>>>(out.data() + 4, 16, 32, 0); }), cudaErrorMisalignedAddress);
  EXPECT_EXPLAINED("store_matrix_sync at " + at(kStoreLine) + ": the pointer must be a multiple of 32 bytes");
  EXPECT_EXPLAINED("this one is 16 bytes past a multiple");
  EXPECT_EQ(outcome([&] { store<<<1, 32>>>(out.data(), 18, 32, 0); }), cudaErrorMisalignedAddress);
  EXPECT_EXPLAINED("ldm is 18; with elements of 4 bytes it must be a multiple of 4");
}

TEST(WmmaFailures, LanesWithPointersOfTheirOwn) {
  wb::DeviceBuffer<float> out(512);
  EXPECT_EQ(outcome([&] { store<<<1, 32>>>(out.data(), 16, 32, 1); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("all lanes of the warp must pass the same pointer and ldm");
}

constexpr int kLoadLine = __LINE__ + 3;
__global__ void load(const __nv_bfloat16* in, unsigned ldm) {
  A<wmma::row_major> a;
  wmma::load_matrix_sync(a, in, ldm);
}

TEST(WmmaFailures, LinesThatAreNotAligned) {
  wb::DeviceBuffer<__nv_bfloat16> in(512);
  EXPECT_EQ(outcome([&] { load<<<1, 32>>>(in.data(), 20); }), cudaErrorMisalignedAddress);
  EXPECT_EXPLAINED("load_matrix_sync at " + at(kLoadLine));
  EXPECT_EXPLAINED("ldm is 20; with elements of 2 bytes it must be a multiple of 8");
}

constexpr int kElsewhereLine = __LINE__ + 5;
__global__ void elsewhere() {
  Sums sums;
  wmma::fill_fragment(sums, 0.0f);
  if (threadIdx.x == 7) {
    __syncwarp();
  } else {
    A<wmma::row_major> a;
    B b;
    wmma::mma_sync(sums, a, b, sums);
  }
}

TEST(WmmaFailures, LanesInDifferentOperations) {
  EXPECT_EQ(outcome([] { elsewhere<<<1, 32>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("lanes of one mask (0xffffffff) are in different operations");
  EXPECT_EXPLAINED("__syncwarp at " + at(kElsewhereLine));
  EXPECT_EXPLAINED("mma_sync at " + at(kElsewhereLine + 4));
}

constexpr int kMultiplyLine = __LINE__ + 6;
__global__ void multiply_without_one() {
  if (threadIdx.x == 5) return;
  A<wmma::row_major> a;
  B b;
  Sums sums;
  wmma::mma_sync(sums, a, b, sums);
}

TEST(WmmaFailures, LaneMissingFromAProduct) {
  EXPECT_EQ(outcome([] { multiply_without_one<<<1, 32>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("mma_sync at " + at(kMultiplyLine) + ": 31 of the 32 lanes");
  EXPECT_EXPLAINED("(mask 0xffffffdf)");
}

template <class Layout>
__device__ void multiply_by(Sums& sums) {
  A<Layout> a;
  B b;
  wmma::mma_sync(sums, a, b, sums);
}
__global__ void two_layouts() {
  Sums sums;
  threadIdx.x % 2 == 0 ? multiply_by<wmma::row_major>(sums) : multiply_by<wmma::col_major>(sums);
}

TEST(WmmaFailures, FragmentsOfDifferentTypes) {
  EXPECT_EQ(outcome([] { two_layouts<<<1, 32>>>(); }), cudaErrorLaunchFailure);
  EXPECT_EXPLAINED("all lanes of the warp must pass the same types of fragments");
}

// A fragment that was never filled.
__global__ void unfilled(float* out) {
  Sums sums;
  wmma::store_matrix_sync(out, sums, 16, wmma::mem_row_major);
}

TEST(Wmma, FragmentsBeginAsNan) {
  wb::DeviceBuffer<float> out(256);
  unfilled<<<1, 32>>>(out.data());
  for (const float value : out.download()) ASSERT_TRUE(std::isnan(value));
}

}  // namespace
