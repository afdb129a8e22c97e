// Gradient of softmax, one block per row: dx = y (dy - dot), dot = sum over the row of dy y.
//
// The derivative of y[c] by x[j] is y[c] ([c == j] - y[j]). Multiplied by dy and summed over c, all but one
// number of the row cancels out: the dot product of dy and y. The first pass takes it, the second, whose
// reads mostly hit the caches that the first has filled, applies it.
//
// 12 bytes an element (two floats read, one written), 4 FLOPs. A pack is 16 bytes where the rows allow it,
// else 4.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;  // in rows up to 8192 columns; more in longer ones

template <int kWidth>
__global__ void __launch_bounds__(1024) softmax_backward_kernel(const float* dy,  // (rows, columns)
                                                                const float* y,   // (rows, columns)
                                                                float* dx,        // (rows, columns)
                                                                int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const auto* dy_row = reinterpret_cast<const Pack<kWidth>*>(dy + start);
  const auto* y_row = reinterpret_cast<const Pack<kWidth>*>(y + start);
  auto* dx_row = reinterpret_cast<Pack<kWidth>*>(dx + start);
  const int packs = columns / kWidth;

  float dot = 0.0f;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    const Pack<kWidth> dys = dy_row[i];
    const Pack<kWidth> ys = y_row[i];
    for (int j = 0; j < kWidth; ++j) dot += dys.values[j] * ys.values[j];
  }
  dot = block_sum(dot);

#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    Pack<kWidth> dxs = dy_row[i];
    const Pack<kWidth> ys = y_row[i];
    for (int j = 0; j < kWidth; ++j) dxs.values[j] = ys.values[j] * (dxs.values[j] - dot);
    dx_row[i] = dxs;
  }
}

void softmax_backward_solution(const float* dy, const float* y, float* dx, int rows, int columns,
                               cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  const int threads = threads_for_row(columns, kFloatsPerThread);
  if (rows_fit_pack4(columns, dy, y, dx)) {
    softmax_backward_kernel<4><<<rows, threads, 0, stream>>>(dy, y, dx, columns);
  } else {
    softmax_backward_kernel<1><<<rows, threads, 0, stream>>>(dy, y, dx, columns);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, solution, softmax_backward_solution);

}  // namespace wb
