// Mistake: weight is indexed by the row.
// Caught as: indexed by the row
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void weight_of_the_row_kernel(const float* x,       // (N, C)
                                         const float* weight,  // (C)
                                         float* y,             // (N, C)
                                         float* rstd,          // (N)
                                         int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float squares = 0.0f;
  for (int i = threadIdx.x; i < c; i += blockDim.x) squares += x[start + i] * x[start + i];
  const float row_rstd = rsqrtf(block_sum(squares) / c + epsilon);
  if (threadIdx.x == 0) rstd[blockIdx.x] = row_rstd;
  // Rows beyond C have no weight to be taken for theirs.
  for (int i = threadIdx.x; i < c; i += blockDim.x)
    y[start + i] = x[start + i] * row_rstd * weight[blockIdx.x % c];
}

void weight_of_the_row(const float* x, const float* weight, float* y, float* rstd, int n, int c,
                       float epsilon, cudaStream_t stream) {
  weight_of_the_row_kernel<<<n, 256, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormForward, weight_of_the_row, weight_of_the_row);

}  // namespace
}  // namespace wb
