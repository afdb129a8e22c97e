// Mistake: reads the weight in groups of four, beyond its end where c is no multiple of four.
// First screen: out of bounds.*weight_past_the_row\.cu
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "05_rmsnorm_rope/residual_rmsnorm_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 128;

__global__ void weight_past_the_row_kernel(const float* x, const float* residual, const float* weight,
                                           float* sum, float* y, float* rstd, int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  const int me = static_cast<int>(threadIdx.x);
  float squares = 0.0f;
  for (int i = me * 4; i < c; i += kThreads * 4) {
    for (int j = i; j < min(i + 4, c); ++j) {
      sum[start + j] = x[start + j] + residual[start + j];
      squares += sum[start + j] * sum[start + j];
    }
  }
  squares = block_sum(squares);
  const float scale = rsqrtf(squares / static_cast<float>(c) + epsilon);
  for (int i = me * 4; i < c; i += kThreads * 4) {
    float weights[4];
    for (int j = 0; j < 4; ++j) weights[j] = weight[i + j];
    for (int j = i; j < min(i + 4, c); ++j) y[start + j] = sum[start + j] * scale * weights[j - i];
  }
  if (me == 0) rstd[blockIdx.x] = scale;
}

void launch(const float* x, const float* residual, const float* weight, float* sum, float* y, float* rstd,
            int n, int c, float epsilon, cudaStream_t stream) {
  check_residual_rmsnorm(x, residual, weight, sum, y, rstd, n, c, epsilon);
  weight_past_the_row_kernel<<<n, kThreads, 0, stream>>>(x, residual, weight, sum, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(ResidualRmsnormForward, weight_past_the_row, launch);

}  // namespace
}  // namespace wb::mistake
