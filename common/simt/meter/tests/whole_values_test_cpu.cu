// Values that move as a whole. Passing `from[i]` to a function is a load, which compilers do not instrument
// where it is passed.
#include "meter/tests/ladder.h"

using namespace ladder;

namespace {

struct alignas(16) Four {
  float values[4];
};

__device__ Four doubled(Four four) {
  for (float& value : four.values) value *= 2.0f;
  return four;
}

__device__ float sum_of(Four four) {
  float sum = 0.0f;
  for (const float value : four.values) sum += value;
  return sum;
}

__global__ void by_value(const Four* from, Four* to, float* sums) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  to[i] = doubled(from[i]);
  sums[i] = sum_of(from[i]);
}

TEST(ByValue, ArgumentsAndResultsCount) {
  by_value<<<1, 64>>>(zeros<Four>(64), zeros<Four>(64), zeros<float>(64));
  const auto metrics = kernel("by_value")["metrics"];
  EXPECT_EQ(metrics["l1tex__t_requests_pipe_lsu_mem_global_op_ld.sum"], 4);
  EXPECT_EQ(metrics["l1tex__t_sectors_pipe_lsu_mem_global_op_ld.sum"], 64);
  EXPECT_EQ(metrics["l1tex__t_requests_pipe_lsu_mem_global_op_st.sum"], 4);
  EXPECT_EQ(metrics["l1tex__t_sectors_pipe_lsu_mem_global_op_st.sum"], 40);
}

// GCC keeps a byte beside an array of vectors that says whether it was initialized; a GPU has none.
__global__ void vectors_in_shared(float4* to) {
  __shared__ float4 held[64];
  held[threadIdx.x] = make_float4(1.0f, 2.0f, 3.0f, 4.0f);
  __syncthreads();
  to[threadIdx.x] = held[63 - threadIdx.x];
}

TEST(Vectors, ArrayInSharedHasNoOtherAccesses) {
  vectors_in_shared<<<1, 64>>>(zeros<float4>(64));
  const auto metrics = kernel("vectors_in_shared")["metrics"];
  EXPECT_EQ(metrics["smsp__sass_inst_executed_op_shared_ld.sum"], 2);
  EXPECT_EQ(metrics["smsp__sass_inst_executed_op_shared_st.sum"], 2);
  EXPECT_EQ(metrics["l1tex__data_pipe_lsu_wavefronts_mem_shared_op_ld.sum"], 8);
}

}  // namespace
