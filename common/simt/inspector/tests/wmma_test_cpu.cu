// What the inspector sees of nvcuda::wmma: its loads and stores are those of the lanes, in the kernel's line.
#include <cuda_bf16.h>
#include <mma.h>

#include <algorithm>
#include <vector>

#include "inspector/tests/ladder.h"

using namespace ladder;
using namespace nvcuda;

namespace {

std::vector<int> lines_of(const Finding& finding) {
  std::vector<int> lines;
  for (const auto& party : finding.parties) lines.push_back(party.line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

using Sums = wmma::fragment<wmma::accumulator, 16, 16, 16, float>;
using A = wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, wmma::row_major>;
using B = wmma::fragment<wmma::matrix_b, 16, 16, 16, __nv_bfloat16, wmma::row_major>;

constexpr int kCopy = __LINE__ + 4, kUse = __LINE__ + 8;
template <bool kBarrier>
__global__ void tiled(const __nv_bfloat16* in, float* out) {
  alignas(32) __shared__ __nv_bfloat16 tile[16 * 16];
  for (int i = threadIdx.x; i < 256; i += 64) tile[i] = in[i];
  if (kBarrier) __syncthreads();
  A a;
  B b;
  wmma::load_matrix_sync(a, tile, 16);
  wmma::fill_fragment(b, __nv_bfloat16(1.0f));
  Sums sums;
  wmma::fill_fragment(sums, 0.0f);
  wmma::mma_sync(sums, a, b, sums);
  wmma::store_matrix_sync(out + threadIdx.x / 32 * 256, sums, 16, wmma::mem_row_major);
}

TEST(WmmaRace, MissingBarrierBeforeALoad) {
  const auto found = findings([] { tiled<false><<<1, 64>>>(zeros<__nv_bfloat16>(256), zeros<float>(512)); });
  ASSERT_FALSE(found.empty());
  for (const auto& finding : found) {
    EXPECT_EQ(finding.what, What::kSharedRace) << all(found);
    EXPECT_EQ(lines_of(finding), (std::vector{kCopy, kUse})) << all(found);
  }
}
TEST(WmmaRace, ABarrierOrders) {
  EXPECT_CLEAN([] { tiled<true><<<1, 64>>>(zeros<__nv_bfloat16>(256), zeros<float>(512)); });
}

// Each lane stores its own elements. Others may read them only after __syncwarp.
constexpr int kStore = __LINE__ + 6, kRead = kStore + 2;
template <bool kBarrier>
__global__ void staged(float* out) {
  alignas(32) __shared__ float staging[256];
  Sums sums;
  wmma::fill_fragment(sums, 1.0f);
  wmma::store_matrix_sync(staging, sums, 16, wmma::mem_row_major);
  if (kBarrier) __syncwarp();
  out[threadIdx.x] = staging[8 * threadIdx.x];
}

TEST(WmmaRace, AStoreIsNoBarrier) {
  const auto found = findings([] { staged<false><<<1, 32>>>(zeros<float>(32)); });
  ASSERT_FALSE(found.empty());
  for (const auto& finding : found) {
    EXPECT_EQ(finding.what, What::kSharedRace) << all(found);
    EXPECT_EQ(lines_of(finding), (std::vector{kStore, kRead})) << all(found);
  }
}
TEST(WmmaRace, AWarpBarrierOrders) {
  EXPECT_CLEAN([] { staged<true><<<1, 32>>>(zeros<float>(32)); });
}

// A column-major fragment is loaded one element at a time.
template <class Layout>
__global__ void load(const __nv_bfloat16* in, unsigned ldm) {
  wmma::fragment<wmma::matrix_a, 16, 16, 16, __nv_bfloat16, Layout> a;
  wmma::load_matrix_sync(a, in, ldm);
}
constexpr int kLoad = __LINE__ - 2;

TEST(WmmaMemory, LoadPastTheEnd) {
  expect_only(findings([] { load<wmma::row_major><<<1, 32>>>(zeros<__nv_bfloat16>(255), 16); }),
              What::kOutOfBounds, {kLoad});
  expect_only(findings([] { load<wmma::col_major><<<1, 32>>>(zeros<__nv_bfloat16>(15 * 24 + 15), 24); }),
              What::kOutOfBounds, {kLoad});
  EXPECT_CLEAN([] { load<wmma::row_major><<<1, 32>>>(zeros<__nv_bfloat16>(15 * 24 + 16), 24); });
}

TEST(WmmaMemory, LoadOfWhatWasNeverWritten) {
  expect_only(findings([] {
                __nv_bfloat16* in = nullptr;
                EXPECT_EQ(cudaMalloc(&in, 512), cudaSuccess);
                load<wmma::row_major><<<1, 32>>>(in, 16);
              }),
              What::kNeverWritten, {kLoad});
}

__global__ void store(float* out) {
  Sums sums;
  wmma::fill_fragment(sums, 1.0f);
  wmma::store_matrix_sync(out, sums, 16, wmma::mem_col_major);
}
constexpr int kPast = __LINE__ - 2;

TEST(WmmaMemory, StorePastTheEnd) {
  expect_only(findings([] { store<<<1, 32>>>(zeros<float>(250)); }), What::kOutOfBounds, {kPast});
}

TEST(WmmaRace, TwoBlocksStoreOneTile) {
  expect_only(findings([] { store<<<2, 32>>>(zeros<float>(256)); }), What::kGlobalRace, {kPast, kPast});
}

}  // namespace
