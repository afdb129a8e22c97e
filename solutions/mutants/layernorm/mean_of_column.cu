// Mistake: mean and spread are taken down a column (batch norm), not along a row.
// Caught as: those of a column
// Leaves out: *.CountsPastTwoToThe31*, where each of 131,077 rows would read all others
// Inspected in: LayernormForwardTest.NormalizesInPlace
// Inspected as: global_race, line: sum += x[r * static_cast<std::int64_t>(c) + i]
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void mean_of_column_kernel(const float* x,      // (N, C)
                                      const float* gamma,  // (C)
                                      const float* beta,   // (C)
                                      float* y,            // (N, C)
                                      float* mean,         // (N)
                                      float* rstd,         // (N)
                                      int n, int c, float epsilon) {
  const int row = blockIdx.x;
  const std::int64_t start = row * static_cast<std::int64_t>(c);
  for (int i = threadIdx.x; i < c; i += blockDim.x) {
    float sum = 0.0f, squares = 0.0f;
    for (int r = 0; r < n; ++r) sum += x[r * static_cast<std::int64_t>(c) + i];
    for (int r = 0; r < n; ++r) {
      const float deviation = x[r * static_cast<std::int64_t>(c) + i] - sum / n;
      squares += deviation * deviation;
    }
    const float column_rstd = rsqrtf(squares / n + epsilon);
    if (i == row % c) {
      mean[row] = sum / n;
      rstd[row] = column_rstd;
    }
    y[start + i] = (x[start + i] - sum / n) * column_rstd * gamma[i] + beta[i];
  }
}

void mean_of_column(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd,
                    int n, int c, float epsilon, cudaStream_t stream) {
  mean_of_column_kernel<<<n, 256, 0, stream>>>(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, mean_of_column, mean_of_column);

}  // namespace
}  // namespace wb
