// The headers in an ordinary C++ file: no translator, no warnings (this file is
// compiled with -pedantic -Werror).
#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#include <cuda_runtime_api.h>
#include <device_launch_parameters.h>
#include <gtest/gtest.h>
#include <math_constants.h>
#include <vector_types.h>

namespace {

__host__ __device__ float twice(float x) {
  return 2.0f * x;
}

TEST(Headers, ServeHostCode) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 16), cudaSuccess);
  const float4 host = make_float4(twice(1.0f), 2, 3, 4);
  float4 back = {};
  ASSERT_EQ(cudaMemcpy(data, &host, sizeof(host), cudaMemcpyHostToDevice), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(&back, data, sizeof(back), cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(back.x, 2.0f);
  EXPECT_EQ(back.w, 4.0f);
  EXPECT_EQ(cudaFree(data), cudaSuccess);
  EXPECT_EQ(__half2float(__float2half(0.5f)), 0.5f);
  EXPECT_EQ(__bfloat162float(__float2bfloat16(0.5f)), 0.5f);
  EXPECT_GT(CUDART_INF_F, 1e38f);
}

}  // namespace
