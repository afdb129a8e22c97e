// Gradient of softmax, one block per row: dx = y (dy - dot), dot = sum over the row of dy y.
//
// The derivative of y[c] by x[j] is y[c] ([c == j] - y[j]). Multiplied by dy and summed over c, this needs
// only one number per row: the dot product of dy and y. The first pass computes it. The second pass applies
// it; its reads mostly hit the caches that the first pass has filled.
//
// Rows above 8192 columns hit the caches less often, because the rows of all running blocks do not fit in
// them. A block of 1024 threads keeps such a row on the chip: dy in registers and y in shared memory, since
// the registers hold only one of the two. Rows that do not fit are read twice.
//
// 12 bytes per element (two floats read, one written), 4 FLOPs. A pack is 16 bytes if the rows allow it,
// otherwise 4.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"
#include "common/core/shared_memory.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;  // in rows up to 8192 columns; more in longer ones
constexpr int kHeldFloats = 32;      // of dy, in the registers of a thread

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

// Thread t keeps packs t, t + blockDim.x, ... of dy and of y. Nobody else reads them: no barrier is needed.
template <int kWidth>
__global__ void __launch_bounds__(1024) softmax_backward_held_kernel(const float* dy,  // (rows, columns)
                                                                     const float* y,   // (rows, columns)
                                                                     float* dx,        // (rows, columns)
                                                                     int columns) {
  extern __shared__ float4 shared[];
  auto* ys = reinterpret_cast<Pack<kWidth>*>(shared);  // (columns / kWidth)
  Pack<kWidth> dys[kHeldFloats / kWidth];
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const auto* dy_row = reinterpret_cast<const Pack<kWidth>*>(dy + start);
  const auto* y_row = reinterpret_cast<const Pack<kWidth>*>(y + start);
  auto* dx_row = reinterpret_cast<Pack<kWidth>*>(dx + start);
  const int packs = columns / kWidth;
  const int first = static_cast<int>(threadIdx.x), step = static_cast<int>(blockDim.x);

#pragma unroll
  for (int i = 0; i < kHeldFloats / kWidth; ++i) {
    if (first + i * step < packs) dys[i] = dy_row[first + i * step];
  }
  float dot = 0.0f;
#pragma unroll
  for (int i = 0; i < kHeldFloats / kWidth; ++i) {
    const int at = first + i * step;
    if (at >= packs) break;
    const Pack<kWidth> own = y_row[at];
    ys[at] = own;
    for (int j = 0; j < kWidth; ++j) dot += dys[i].values[j] * own.values[j];
  }
  dot = block_sum(dot);

#pragma unroll
  for (int i = 0; i < kHeldFloats / kWidth; ++i) {
    const int at = first + i * step;
    if (at >= packs) break;
    const Pack<kWidth> own = ys[at];
    for (int j = 0; j < kWidth; ++j) dys[i].values[j] = own.values[j] * (dys[i].values[j] - dot);
    dx_row[at] = dys[i];
  }
}

// Whether a block has the registers and the shared memory for a row; the latter differs between GPUs.
bool can_be_held(int columns, std::size_t row_bytes) {
  const auto most_shared = static_cast<std::size_t>(shared_memory_per_block());
  const std::size_t for_block_sum = 1024;
  return columns <= kHeldFloats * 1024 && row_bytes + for_block_sum <= most_shared;
}

void softmax_backward_solution(const float* dy, const float* y, float* dx, int rows, int columns,
                               cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  const int threads = threads_for_row(columns, kFloatsPerThread);
  const std::size_t row_bytes = static_cast<std::size_t>(columns) * sizeof(float);
  if (columns > kFloatsPerThread * 1024 && can_be_held(columns, row_bytes)) {
    auto* kernel = rows_fit_pack4(columns, dy, y, dx) ? softmax_backward_held_kernel<4>
                                                      : softmax_backward_held_kernel<1>;
    WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       static_cast<int>(row_bytes)));
    kernel<<<rows, threads, row_bytes, stream>>>(dy, y, dx, columns);
  } else if (rows_fit_pack4(columns, dy, y, dx)) {
    softmax_backward_kernel<4><<<rows, threads, 0, stream>>>(dy, y, dx, columns);
  } else {
    softmax_backward_kernel<1><<<rows, threads, 0, stream>>>(dy, y, dx, columns);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, solution, softmax_backward_solution);

}  // namespace wb
