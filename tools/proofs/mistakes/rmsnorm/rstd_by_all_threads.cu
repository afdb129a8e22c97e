// Mistake: lets every thread of the block store the row's statistic.
// First screen: race in device memory.*rstd_by_all_threads\.cu.*one thread
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 128;

__global__ void rstd_by_all_threads_kernel(const float* x, const float* weight, float* y, float* rstd, int c,
                                           float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  float squares = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < c; i += kThreads) squares += x[start + i] * x[start + i];
  const float scale = rsqrtf(block_sum(squares) / static_cast<float>(c) + epsilon);
  for (int i = static_cast<int>(threadIdx.x); i < c; i += kThreads)
    y[start + i] = x[start + i] * scale * weight[i];
  rstd[blockIdx.x] = scale;
}

void launch(const float* x, const float* weight, float* y, float* rstd, int n, int c, float epsilon,
            cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  rstd_by_all_threads_kernel<<<n, kThreads, 0, stream>>>(x, weight, y, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RmsnormForward, rstd_by_all_threads, launch);

}  // namespace
}  // namespace wb::mistake
