// Mistake: the gradients of the row are summed without their weights y.
// Caught as: the row's sum of dy y is
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void backward_sums_dy_kernel(const float* dy,  // (rows, columns)
                                        const float* y,   // (rows, columns)
                                        float* dx,        // (rows, columns)
                                        int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  float dot = 0.0f;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) dot += dy[start + c];
  dot = block_sum(dot);
  for (int c = threadIdx.x; c < columns; c += blockDim.x)
    dx[start + c] = y[start + c] * (dy[start + c] - dot);
}

void backward_sums_dy(const float* dy, const float* y, float* dx, int rows, int columns,
                      cudaStream_t stream) {
  backward_sums_dy_kernel<<<rows, kThreads, 0, stream>>>(dy, y, dx, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxBackward, backward_sums_dy, backward_sums_dy);

}  // namespace
}  // namespace wb
