// Global memory: requests, sectors, bytes used. Two warps per block, two blocks: four requests per access.
#include <string>

#include "meter/tests/ladder.h"

using namespace ladder;

namespace {

constexpr int kBlocks = 2, kThreads = 64;
constexpr std::uint64_t kRequests = 4, kLanes = 128;

constexpr int kCopy = __LINE__ + 3;
__global__ void strided(const float* from, float* to, int stride, int offset) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  to[i] = from[i * stride + offset];
}
// As kernels of their own, since a report has one entry for each name.
#define STRIDED(name, stride, offset, sectors, ideal, used)                                                 \
  __global__ void name(const float* from, float* to) {                                                      \
    const int i = blockIdx.x * blockDim.x + threadIdx.x;                                                    \
    to[i] = from[i * (stride) + (offset)];                                                                  \
  }                                                                                                         \
  TEST(Global, name##_load) {                                                                               \
    name<<<kBlocks, kThreads>>>(zeros<float>(8192), zeros<float>(kLanes));                                  \
    const Counts load = counts(row(kernel(#name), __LINE__, "global_load"));                                \
    EXPECT_EQ(load,                                                                                         \
              (Counts{kRequests, kRequests * (sectors), kRequests * (ideal), kRequests * (used), kLanes})); \
    const Counts store = counts(row(kernel(#name), __LINE__, "global_store"));                              \
    EXPECT_EQ(store, (Counts{kRequests, kRequests * 4, kRequests * 4, kRequests * 128, kLanes}));           \
  }
STRIDED(coalesced, 1, 0, 4, 4, 128)
STRIDED(offset_by_one, 1, 1, 5, 4, 128)
STRIDED(stride_2, 2, 0, 8, 4, 128)
STRIDED(stride_8, 8, 0, 32, 4, 128)
STRIDED(stride_32, 32, 0, 32, 4, 128)
STRIDED(broadcast, 0, 3, 1, 1, 4)
#undef STRIDED

TEST(Global, NamesLineArrayAndMetrics) {
  strided<<<kBlocks, kThreads>>>(zeros<float>(1024), zeros<float>(kLanes), 2, 5);
  strided<<<kBlocks, kThreads>>>(zeros<float>(1024), zeros<float>(kLanes), 2, 5);
  const auto found = kernel("strided");
  EXPECT_EQ(found["launches"], 2);
  EXPECT_EQ(found["blocks"], 4);
  const auto load = row(found, kCopy, "global_load");
  EXPECT_EQ(load["text"], "to[i] = from[i * stride + offset];");
  EXPECT_EQ(load["array"], "from");
  EXPECT_EQ(row(found, kCopy, "global_store")["array"], "to");
  EXPECT_TRUE(load["file"].get<std::string>().ends_with("meter/tests/global_test_cpu.cu"));
  // Per launch 32 sectors of the one array, all but the last half, and 16 of the other.
  EXPECT_EQ(found["bytes_touched"], 2 * 32 * (33 + 16));
  // 20 bytes in: 32 lanes, 8 bytes apart, touch 9 sectors.
  EXPECT_EQ(found["metrics"]["l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"], 8);
  EXPECT_EQ(found["metrics"]["l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"], 72);
  EXPECT_EQ(found["metrics"]["l1tex__average_t_sectors_per_request_pipe_lsu_mem_global_op_ld.ratio"], 9.0);
  EXPECT_EQ(found["metrics"]["l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"], 32);
  EXPECT_NEAR(found["metrics"]["smsp__sass_average_data_bytes_per_sector_mem_global_op_ld.pct"].get<double>(),
              100.0 * 128 / (9 * 32), 1e-9);
}

constexpr int kVector = __LINE__ + 4;
__global__ void float4_copy(const float4* from, float4* to) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const float4 v = from[i];
  to[i] = v;
  to[i + 128] = make_float4(v.x + 1, v.y, v.z, v.w);
  to[i + 256] = {v.w, v.z, v.y, v.x};
  reinterpret_cast<float4*>(&to[i].x)[384] = __ldg(from + i);
}
TEST(Global, AFloat4IsOneRequestHoweverItIsWritten) {
  float4_copy<<<kBlocks, kThreads>>>(zeros<float4>(kLanes), zeros<float4>(4 * kLanes));
  const auto found = kernel("float4_copy");
  const Counts whole{kRequests, kRequests * 16, kRequests * 16, kRequests * 512, kLanes};
  EXPECT_EQ(counts(row(found, kVector - 1, "global_load")), whole);
  for (int line = kVector; line < kVector + 4; ++line) {
    EXPECT_EQ(counts(row(found, line, "global_store")), whole) << "line " << line;
  }
  EXPECT_EQ(counts(row(found, kVector + 3, "global_load")), whole);
}

constexpr int kMembers = __LINE__ + 4;
__global__ void by_members(const float4* from, float* to) {
  const float* mine = &from[threadIdx.x].x;
  float sum = 0;
  for (int i = 0; i < 4; ++i) sum += mine[i];
  to[threadIdx.x] = sum;
}
TEST(Global, MembersOneByOneAreRequestsOfTheirOwn) {
  by_members<<<1, 32>>>(zeros<float4>(32), zeros<float>(32));
  const auto load = row(kernel("by_members"), kMembers, "global_load");
  EXPECT_EQ(counts(load), (Counts{4, 64, 16, 512, 128}));
  EXPECT_EQ(load["words"], 0b1111);
}

struct alignas(16) Halves {
  unsigned short v[8];
};
constexpr int kMember = __LINE__ + 4;
__global__ void vector_uses(const float2* pairs, const Halves* halves, const float3* triples, float* to) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  const float2 pair = pairs[i];
  const Halves half = halves[i];
  const float3 triple = triples[i];
  to[i] = pair.x * pair.y + static_cast<float>(half.v[0] + half.v[7]) + triple.x + triple.y + triple.z;
}
TEST(Global, OtherVectorsAndStructs) {
  vector_uses<<<kBlocks, kThreads>>>(zeros<float2>(kLanes), zeros<Halves>(kLanes), zeros<float3>(kLanes),
                                     zeros<float>(kLanes));
  const auto found = kernel("vector_uses");
  EXPECT_EQ(counts(row(found, kMember - 1, "global_load")),
            (Counts{kRequests, kRequests * 8, kRequests * 8, kRequests * 256, kLanes}));
  EXPECT_EQ(counts(row(found, kMember, "global_load")),
            (Counts{kRequests, kRequests * 16, kRequests * 16, kRequests * 512, kLanes}));
  // Three loads of 4 bytes, 12 bytes apart: each touches all 12 sectors of the warp.
  EXPECT_EQ(counts(row(found, kMember + 1, "global_load")),
            (Counts{3 * kRequests, 3 * kRequests * 12, 3 * kRequests * 4, 3 * kRequests * 128, 3 * kLanes}));
}

constexpr int kTransposed = __LINE__ + 3;
__global__ void transposed(const float* from, float* to, int n) {
  const int x = threadIdx.x, y = threadIdx.y;
  to[x * n + y] = from[y * n + x];
}
TEST(Global, TransposedStore) {
  transposed<<<1, dim3(32, 4)>>>(zeros<float>(1024), zeros<float>(1024), 32);
  const auto found = kernel("transposed");
  EXPECT_EQ(counts(row(found, kTransposed, "global_load")), (Counts{4, 16, 16, 512, 128}));
  EXPECT_EQ(counts(row(found, kTransposed, "global_store")), (Counts{4, 128, 16, 512, 128}));
  const auto worst = row(found, kTransposed, "global_store")["worst"];
  ASSERT_EQ(worst["lanes"].size(), 32u);
  EXPECT_EQ(worst["lanes"][3]["offset"], 3 * 32 * 4);
  EXPECT_EQ(worst["warp"], 0);
  EXPECT_EQ(worst["block"], (nlohmann::json{0, 0, 0}));
}

constexpr int kTwo = __LINE__ + 3;
__global__ void two_arrays(const float* a, const float* b, float* c, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  c[i] = a[i] + b[i * n];
}
TEST(Global, ArraysOfOneLineAreApart) {
  two_arrays<<<kBlocks, kThreads>>>(zeros<float>(kLanes), zeros<float>(2048), zeros<float>(kLanes), 16);
  const auto found = kernel("two_arrays");
  EXPECT_EQ(counts(row(found, kTwo, "global_load", "a")), (Counts{4, 16, 16, 512, kLanes}));
  EXPECT_EQ(counts(row(found, kTwo, "global_load", "b")), (Counts{4, 128, 16, 512, kLanes}));
  EXPECT_EQ(found["lines"][0]["array"], "b") << "the worst line comes first";
}

}  // namespace
