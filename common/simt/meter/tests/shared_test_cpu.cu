// Shared memory: wavefronts. One warp, unless said otherwise.
#include "meter/tests/ladder.h"
#include "simt/metering.h"

using namespace ladder;

namespace {

template <int kWidth>
__global__ void column_of_tile(float* out) {
  __shared__ float tile[32][kWidth];
  for (int y = 0; y < 32; ++y) tile[y][threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = tile[threadIdx.x][3];
}
constexpr int kColumn = __LINE__ - 2;

TEST(Shared, AColumnOfATileWithoutPaddingIsInOneBank) {
  column_of_tile<32><<<1, 32>>>(zeros<float>(32));
  const auto found = kernel("column_of_tile<32>");
  EXPECT_EQ(counts(row(found, kColumn, "shared_load")), (Counts{1, 32, 1, 128, 32}));
  EXPECT_EQ(counts(row(found, kColumn - 2, "shared_store")), (Counts{32, 32, 32, 4096, 1024}));
  EXPECT_EQ(found["metrics"]["l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum"], 31);
  EXPECT_EQ(found["metrics"]["l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_st.sum"], 0);
  EXPECT_EQ(found["metrics"]["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"], 32);
  const auto worst = row(found, kColumn, "shared_load")["worst"];
  EXPECT_EQ(worst["array"], "tile");
  EXPECT_EQ(worst["lanes"][2]["offset"], (2 * 32 + 3) * 4);
}
TEST(Shared, PaddingMendsIt) {
  column_of_tile<33><<<1, 32>>>(zeros<float>(32));
  const auto found = kernel("column_of_tile<33>");
  EXPECT_EQ(counts(row(found, kColumn, "shared_load")), (Counts{1, 1, 1, 128, 32}));
  EXPECT_EQ(found["metrics"]["l1tex__data_bank_conflicts_pipe_lsu_mem_shared_op_ld.sum"], 0);
}

template <class T>
__global__ void read_shared(T* out, int stride) {
  extern __shared__ float memory[];
  const T* values = reinterpret_cast<const T*>(memory);
  out[threadIdx.x] = values[threadIdx.x * stride];
}
constexpr int kRead = __LINE__ - 2;

// Lanes that lie kDistance apart read the same vector, and together they read 16 in a row.
template <unsigned kDistance>
__global__ void read_shared_by_pairs(float4* out) {
  extern __shared__ float4 vectors[];
  const float4 value = vectors[threadIdx.x % kDistance + threadIdx.x / (2 * kDistance) * kDistance];
  out[threadIdx.x] = value;
}
constexpr int kReadByPairs = __LINE__ - 3;

__global__ void write_shared_by_pairs(const float4* from) {
  extern __shared__ float4 written[];
  const float4 value = from[0];
  written[threadIdx.x / 2] = value;
}
constexpr int kWriteByPairs = __LINE__ - 2;

TEST(Shared, BroadcastIsOneWavefront) {
  read_shared<unsigned><<<1, 32, 4096>>>(zeros<unsigned>(32), 0);
  EXPECT_EQ(counts(row(kernel("read_shared<unsigned>"), kRead, "shared_load")), (Counts{1, 1, 1, 4, 32}));
}
TEST(Shared, StrideOfTwoWords) {
  read_shared<float><<<1, 32, 4096>>>(zeros<float>(32), 2);
  EXPECT_EQ(counts(row(kernel("read_shared<float>"), kRead, "shared_load")), (Counts{1, 2, 1, 128, 32}));
}
TEST(Shared, EightBytesPerLaneAreServedInHalves) {
  read_shared<float2><<<1, 32, 4096>>>(zeros<float2>(32), 1);
  EXPECT_EQ(counts(row(kernel("read_shared<float2>"), kRead, "shared_load")), (Counts{1, 2, 2, 256, 32}));
}
TEST(Shared, SixteenBytesPerLaneAreServedInQuarters) {
  read_shared<float4><<<1, 32, 4096>>>(zeros<float4>(32), 1);
  EXPECT_EQ(counts(row(kernel("read_shared<float4>"), kRead, "shared_load")), (Counts{1, 4, 4, 512, 32}));
}
TEST(Shared, LoadsOfVectorsThatPairsShareAreServedTogether) {
  read_shared_by_pairs<1><<<1, 32, 4096>>>(zeros<float4>(32));
  EXPECT_EQ(counts(row(kernel("read_shared_by_pairs<1>"), kReadByPairs, "shared_load")),
            (Counts{1, 2, 2, 256, 32}));
}
TEST(Shared, LoadsThatLanesTwoApartShareAreServedTogether) {
  read_shared_by_pairs<2><<<1, 32, 4096>>>(zeros<float4>(32));
  EXPECT_EQ(counts(row(kernel("read_shared_by_pairs<2>"), kReadByPairs, "shared_load")),
            (Counts{1, 2, 2, 256, 32}));
}
TEST(Shared, LoadsThatLanesFourApartShareAreNot) {
  read_shared_by_pairs<4><<<1, 32, 4096>>>(zeros<float4>(32));
  EXPECT_EQ(counts(row(kernel("read_shared_by_pairs<4>"), kReadByPairs, "shared_load")),
            (Counts{1, 4, 4, 256, 32}));
}
TEST(Shared, StoresThatPairsShareAreNot) {
  write_shared_by_pairs<<<1, 32, 4096>>>(zeros<float4>(1));
  EXPECT_EQ(counts(row(kernel("write_shared_by_pairs"), kWriteByPairs, "shared_store")),
            (Counts{1, 4, 4, 256, 32}));
}
TEST(Shared, VectorsFarApartCollide) {
  read_shared<int4><<<1, 32, 32768>>>(zeros<int4>(32), 8);
  EXPECT_EQ(counts(row(kernel("read_shared<int4>"), kRead, "shared_load")), (Counts{1, 32, 4, 512, 32}));
}
TEST(Shared, TwoBytesPerLaneShareWords) {
  read_shared<unsigned short><<<1, 32, 4096>>>(zeros<unsigned short>(32), 1);
  const auto found = row(kernel("read_shared<unsigned short>"), kRead, "shared_load");
  EXPECT_EQ(counts(found), (Counts{1, 1, 1, 64, 32}));
  EXPECT_EQ(found["array"], "dynamic shared memory");
}

// A program may take the counts: the next ones begin at 0, also those of the same instruction.
TEST(Shared, TakenCountsBeginAgain) {
  float* out = zeros<float>(32);
  EXPECT_TRUE(simt::metered());
  static_cast<void>(simt::take_counts());
  for (int round = 0; round < 2; ++round) {
    column_of_tile<34><<<1, 32>>>(out);
    const auto kernels = nlohmann::json::parse(simt::take_counts())["kernels"];
    ASSERT_EQ(kernels.size(), 1u);
    EXPECT_EQ(kernels[0]["launches"], 1);
    EXPECT_EQ(counts(row(kernels[0], kColumn, "shared_load")), (Counts{1, 2, 1, 128, 32}));
  }
  EXPECT_EQ(nlohmann::json::parse(simt::take_counts())["kernels"].size(), 0u);
}

}  // namespace
