// Softmax, one block per row: the row is read once and stays in registers.
//
// Three steps, each over the values that a thread holds and then over the block: the maximum, the
// exponentials and their sum, the division. Subtracting the maximum changes nothing in exact arithmetic, but
// keeps the largest exponential at 1: exp(89) already overflows a float.
//
// Thread t holds packs t, t + blockDim.x, t + 2 blockDim.x, ...: in every load neighboring threads read
// neighboring packs, and all loads of a thread are in flight before it uses the first. A pack is 16 bytes if
// the rows allow it, otherwise one number. A thread holds 8 numbers in rows of up to 2048 columns, and 32 in
// rows of up to 32768 columns. Longer rows do not fit in the registers, and a second kernel reads them twice,
// with a running maximum and a sum that is rescaled when it grows (Milakov and Gimelshein, 2018: online
// softmax).
//
// T is the type in memory, float or bf16; all arithmetic is float.
//
// 8 bytes per element (4 in bf16; 1.5 times as many in long rows), 1 exponential: memory bound.
// Read next: softmax_backward_solution.cu.
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/float_pack.cuh"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kShortRow = 2048;             // columns: 8 numbers in each of 256 threads
constexpr int kLongestInRegisters = 32768;  // columns: 32 numbers in each of 1024 threads

// What to subtract before exp. In a row of only -inf, -inf - -inf would be NaN; -inf - 0 gives exp = 0.
__device__ float shift_for(float maximum) {
  return maximum == -INFINITY ? 0.0f : maximum;
}

// 1 / sum, but 0 for a row of only -inf. NaN stays NaN: it must not disappear here.
__device__ float inverse_of(float sum) {
  return sum == 0.0f ? 0.0f : 1.0f / sum;
}

// The launch bounds tell the compiler how many registers a thread may use: 64 with 1024 threads.
template <int kWidth, int kPacks, int kMaxThreads, class T>
__global__ void __launch_bounds__(kMaxThreads) softmax_kernel(const T* x,  // (rows, columns)
                                                              T* y,        // (rows, columns)
                                                              int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const auto* in = reinterpret_cast<const Pack<kWidth, T>*>(x + start);
  auto* out = reinterpret_cast<Pack<kWidth, T>*>(y + start);
  const int packs = columns / kWidth;
  const int first = static_cast<int>(threadIdx.x);
  const int step = static_cast<int>(blockDim.x);

  // Past the end of the row hold -inf: it is no maximum, and its exponential is 0.
  Pack<kWidth> held[kPacks];
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int index = first + i * step;
    if (index < packs) {
      held[i] = as_floats(in[index]);
    } else {
      for (float& value : held[i].values) value = -INFINITY;
    }
  }

  float maximum = -INFINITY;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    for (const float value : held[i].values) maximum = fmaxf(maximum, value);
  }
  const float shift = shift_for(block_max(maximum));

  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    for (float& value : held[i].values) {
      value = expf(value - shift);
      sum += value;
    }
  }
  const float inverse = inverse_of(block_sum(sum));

#pragma unroll
  for (int i = 0; i < kPacks; ++i) {
    const int index = first + i * step;
    for (float& value : held[i].values) value *= inverse;
    if (index < packs) out[index] = rounded_to<T>(held[i]);
  }
}

// For rows of any length.
template <class T>
__global__ void __launch_bounds__(1024) softmax_online_kernel(const T* x,  // (rows, columns)
                                                              T* y,        // (rows, columns)
                                                              int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  const T* in = x + start;
  T* out = y + start;

  // sum = sum of exp(value - maximum) over the values this thread has seen.
  float maximum = -INFINITY;
  float sum = 0.0f;
#pragma unroll 8
  for (std::int64_t c = threadIdx.x; c < columns; c += blockDim.x) {
    const float value = to_float(in[c]);
    const float larger = fmaxf(maximum, value);
    const float shift = shift_for(larger);
    sum = sum * expf(maximum - shift) + expf(value - shift);
    maximum = larger;
  }
  const float shift = shift_for(block_max(maximum));
  const float inverse = inverse_of(block_sum(sum * expf(maximum - shift)));

#pragma unroll 8
  for (std::int64_t c = threadIdx.x; c < columns; c += blockDim.x) {
    out[c] = from_float<T>(expf(to_float(in[c]) - shift) * inverse);
  }
}

template <int kWidth, int kNumbers, int kMaxThreads, class T>
void launch_in_registers(const T* x, T* y, int rows, int columns, cudaStream_t stream) {
  const int threads = threads_for_row(columns, kNumbers);
  softmax_kernel<kWidth, kNumbers / kWidth, kMaxThreads><<<rows, threads, 0, stream>>>(x, y, columns);
}

template <class T>
void softmax_forward_solution(const T* x, T* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = rows_fit_pack<kWide>(columns, x, y);
  if (columns > kLongestInRegisters) {
    softmax_online_kernel<<<rows, 1024, 0, stream>>>(x, y, columns);
  } else if (columns > kShortRow) {
    const auto launch = wide ? launch_in_registers<kWide, 32, 1024, T> : launch_in_registers<1, 32, 1024, T>;
    launch(x, y, rows, columns, stream);
  } else {
    const auto launch = wide ? launch_in_registers<kWide, 8, 256, T> : launch_in_registers<1, 8, 256, T>;
    launch(x, y, rows, columns, stream);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, solution, softmax_forward_solution<float>);
WB_REGISTER(SoftmaxForwardBf16, solution, softmax_forward_solution<bf16>);

}  // namespace wb
