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
// T is the type in memory, float or bf16; all arithmetic is float. A pack is 16 bytes if the rows allow it,
// otherwise one number.
//
// 12 bytes per element (6 in bf16: two numbers read, one written), 4 FLOPs.
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/float_pack.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"
#include "common/core/shared_memory.h"

namespace wb {
namespace {

constexpr int kFloatsPerThread = 8;  // in rows up to 8192 columns; more in longer ones
constexpr int kHeldFloats = 32;      // of dy, in the registers of a thread

template <int kWidth, class T>
__global__ void __launch_bounds__(1024) softmax_backward_kernel(const T* dy,  // (rows, columns)
                                                                const T* y,   // (rows, columns)
                                                                T* dx,        // (rows, columns)
                                                                int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const auto* dy_row = reinterpret_cast<const Pack<kWidth, T>*>(dy + start);
  const auto* y_row = reinterpret_cast<const Pack<kWidth, T>*>(y + start);
  auto* dx_row = reinterpret_cast<Pack<kWidth, T>*>(dx + start);
  const int packs = columns / kWidth;

  float dot = 0.0f;
#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    const Pack<kWidth> dys = as_floats(dy_row[i]);
    const Pack<kWidth> ys = as_floats(y_row[i]);
    for (int j = 0; j < kWidth; ++j) dot += dys.values[j] * ys.values[j];
  }
  dot = block_sum(dot);

#pragma unroll 4
  for (std::int64_t i = threadIdx.x; i < packs; i += blockDim.x) {
    Pack<kWidth> dxs = as_floats(dy_row[i]);
    const Pack<kWidth> ys = as_floats(y_row[i]);
    for (int j = 0; j < kWidth; ++j) dxs.values[j] = ys.values[j] * (dxs.values[j] - dot);
    dx_row[i] = rounded_to<T>(dxs);
  }
}

// Thread t keeps packs t, t + blockDim.x, ... of dy and of y. No other thread reads them, so no barrier is
// needed.
template <int kWidth, class T>
__global__ void __launch_bounds__(1024) softmax_backward_held_kernel(const T* dy,  // (rows, columns)
                                                                     const T* y,   // (rows, columns)
                                                                     T* dx,        // (rows, columns)
                                                                     int columns) {
  extern __shared__ float4 shared[];
  auto* ys = reinterpret_cast<Pack<kWidth, T>*>(shared);  // (columns / kWidth)
  Pack<kWidth, T> dys[kHeldFloats / kWidth];
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const auto* dy_row = reinterpret_cast<const Pack<kWidth, T>*>(dy + start);
  const auto* y_row = reinterpret_cast<const Pack<kWidth, T>*>(y + start);
  auto* dx_row = reinterpret_cast<Pack<kWidth, T>*>(dx + start);
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
    const Pack<kWidth, T> stored = y_row[at];
    ys[at] = stored;
    const Pack<kWidth> own = as_floats(stored), dy_own = as_floats(dys[i]);
    for (int j = 0; j < kWidth; ++j) dot += dy_own.values[j] * own.values[j];
  }
  dot = block_sum(dot);

#pragma unroll
  for (int i = 0; i < kHeldFloats / kWidth; ++i) {
    const int at = first + i * step;
    if (at >= packs) break;
    const Pack<kWidth> own = as_floats(ys[at]);
    Pack<kWidth> dxs = as_floats(dys[i]);
    for (int j = 0; j < kWidth; ++j) dxs.values[j] = own.values[j] * (dxs.values[j] - dot);
    dx_row[at] = rounded_to<T>(dxs);
  }
}

// Whether a block has the registers and the shared memory for a row; the latter differs between GPUs.
bool can_be_held(int columns, std::size_t row_bytes) {
  const auto most_shared = static_cast<std::size_t>(shared_memory_per_block());
  const std::size_t for_block_sum = 1024;
  return columns <= kHeldFloats * 1024 && row_bytes + for_block_sum <= most_shared;
}

template <class T>
void softmax_backward_solution(const T* dy, const T* y, T* dx, int rows, int columns, cudaStream_t stream) {
  check_softmax_backward(dy, y, dx, rows, columns);
  const int threads = threads_for_row(columns, kFloatsPerThread);
  const std::size_t row_bytes = static_cast<std::size_t>(columns) * sizeof(T);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = rows_fit_pack<kWide>(columns, dy, y, dx);
  if (columns > kFloatsPerThread * 1024 && can_be_held(columns, row_bytes)) {
    auto* kernel = wide ? softmax_backward_held_kernel<kWide, T> : softmax_backward_held_kernel<1, T>;
    WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       static_cast<int>(row_bytes)));
    kernel<<<rows, threads, row_bytes, stream>>>(dy, y, dx, columns);
  } else {
    auto* kernel = wide ? softmax_backward_kernel<kWide, T> : softmax_backward_kernel<1, T>;
    kernel<<<rows, threads, 0, stream>>>(dy, y, dx, columns);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxBackward, solution, softmax_backward_solution<float>);
WB_REGISTER(SoftmaxBackwardBf16, solution, softmax_backward_solution<bf16>);

}  // namespace wb
