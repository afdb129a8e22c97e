// Mistake: computes where a row starts with int.
// First screen: overflow of a signed|2\^31|32-bit
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void int_row_backward_kernel(const float* dy, const float* y, float* dx, int columns) {
  const int start = static_cast<int>(blockIdx.x) * columns;
  float dot = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads) dot += dy[start + i] * y[start + i];
  dot = block_sum(dot);
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += kThreads)
    dx[start + i] = y[start + i] * (dy[start + i] - dot);
}

void launch(const float* dy, const float* y, float* dx, int rows, int columns, cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  int_row_backward_kernel<<<rows, kThreads, 0, stream>>>(dy, y, dx, columns);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SoftmaxBackward, int_row_backward, launch);

}  // namespace
}  // namespace wb::mistake
