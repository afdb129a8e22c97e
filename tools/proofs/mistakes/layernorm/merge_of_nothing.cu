// Mistake: two empty sets are merged: 0 / 0.
// First screen: 0 / 0|0/0
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "04_layernorm/moments.cuh"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

struct Merge {
  __device__ Moments operator()(const Moments& a, const Moments& b) const {
    const float count = a.count + b.count, apart = b.mean - a.mean;
    return {count, a.mean + apart * b.count / count,
            a.squares + b.squares + apart * apart * a.count * b.count / count};
  }
};

__global__ void merge_of_nothing_kernel(const float* x,      // (N, C)
                                        const float* gamma,  // (C)
                                        const float* beta,   // (C)
                                        float* y,            // (N, C)
                                        float* mean,         // (N)
                                        float* rstd,         // (N)
                                        int c, float epsilon) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(c);
  Moments mine = {0.0f, 0.0f, 0.0f};
  for (int i = threadIdx.x; i < c; i += kThreads) mine = Merge{}(mine, {1.0f, x[start + i], 0.0f});
  const Moments row = block_merge(mine, Merge{});
  const float row_rstd = rsqrtf(row.squares / c + epsilon);
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = row.mean;
    rstd[blockIdx.x] = row_rstd;
  }
  for (int i = threadIdx.x; i < c; i += kThreads) {
    y[start + i] = (x[start + i] - row.mean) * row_rstd * gamma[i] + beta[i];
  }
}

void launch(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* rstd, int n,
            int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  merge_of_nothing_kernel<<<n, kThreads, 0, stream>>>(x, gamma, beta, y, mean, rstd, c, epsilon);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(LayernormForward, merge_of_nothing, launch);

}  // namespace
}  // namespace wb::mistake
