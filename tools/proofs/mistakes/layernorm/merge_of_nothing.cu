// Mistake: two empty sets are merged: 0 / 0.
// First screen: 0 / 0|0/0
#include "tools/proofs/mistakes/layernorm/layernorm.cuh"

namespace wb::mistake {
namespace {

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
  Moments mine = {0.0f, 0.0f, 0.0f};
  for (int i = threadIdx.x; i < c; i += kThreads) mine = Merge{}(mine, {1.0f, x[row_start(c) + i], 0.0f});
  const Moments row = block_merge(mine, Merge{});
  const float row_rstd = rsqrtf(row.squares / c + epsilon);
  store_statistics(mean, rstd, row.mean, row_rstd);
  normalize_row(x, gamma, beta, y, row.mean, row_rstd, c);
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
