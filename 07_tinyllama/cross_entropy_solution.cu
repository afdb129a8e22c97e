// Cross entropy, one block per row of logits.
//
// The loss needs log sum_v exp(logits[v]). Subtracting the row's maximum keeps the exponentials finite, and
// the online form of chapter 03 finds maximum and sum in one reading: when a larger value appears, the sum so
// far is scaled down. Thread t takes packs t, t + blockDim.x, ... of 16 bytes (one element if the rows do not
// allow it), kAtOnce elements at a time. All their loads are in flight before the first value is needed, and
// the sum is rescaled once for all of them. Chapter 03's block_max and block_sum combine the threads.
//
// Forward reads the logits: 4 N V bytes. Backward reads them again and writes as many bytes. exp(logit - lse)
// is the probability, so only lse has to be stored. A thread writes only elements that it has read itself, so
// dlogits may be logits. T is the type in memory, float or bf16.
//
// Each pass computes one exponential per element. With fp32 logits both are memory bound. In bf16 an element
// has half as many bytes, and the instructions of expf take nearly as long as loading it. So blocks are
// small, so that some load while others compute, and forward uses __expf, which has fewer instructions. Its
// error is 2 ulp near 0, where the large terms of the sum are, and larger only for very small terms.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/row_threads.h"
#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kMaxThreads = 256;
constexpr int kBlocks = 6;   // of them on a multiprocessor, forward: 40 registers a thread
constexpr int kAtOnce = 16;  // elements of a thread
template <class T>
constexpr int kPackWidth = 16 / sizeof(T);

// Packs first, first + blockDim.x, ...: kPacks of them. Past the end of the row hold -inf, whose exponential
// is 0.
template <int kPacks, int kWidth, class T>
__device__ void load_packs(Pack<kWidth, T> (&held)[kPacks], const Pack<kWidth, T>* row, std::int64_t first,
                           int packs) {
#pragma unroll
  for (int p = 0; p < kPacks; ++p) {
    const std::int64_t index = first + p * static_cast<std::int64_t>(blockDim.x);
    if (index < packs) {
      held[p] = row[index];
    } else {
      for (T& value : held[p].values) value = from_float<T>(-INFINITY);
    }
  }
}

// What to subtract before exp: where nothing but -inf has been seen, -inf - -inf would be NaN.
__device__ float shift_for(float maximum) {
  return maximum == -INFINITY ? 0.0f : maximum;
}

template <int kWidth, class T>
__global__ void __launch_bounds__(kMaxThreads, kBlocks)
    cross_entropy_forward_kernel(const T* logits,     // (N, V)
                                 const int* targets,  // (N)
                                 float* losses,       // (N)
                                 float* lse,          // (N)
                                 int v) {
  const T* row = logits + blockIdx.x * static_cast<std::int64_t>(v);
  const auto* in = reinterpret_cast<const Pack<kWidth, T>*>(row);
  const int packs = v / kWidth;
  constexpr int kPacks = kAtOnce / kWidth;

  float maximum = -INFINITY;
  float sum = 0.0f;  // of exp(value - maximum) over the values this thread has seen
  for (std::int64_t first = threadIdx.x; first < packs; first += kPacks * blockDim.x) {
    Pack<kWidth, T> held[kPacks];
    load_packs(held, in, first, packs);
    float larger = maximum;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      for (const T value : held[p].values) larger = fmaxf(larger, to_float(value));
    }
    const float shift = shift_for(larger);
    sum *= expf(maximum - shift);
    maximum = larger;
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      for (const T value : held[p].values) sum += __expf(to_float(value) - shift);
    }
  }
  const float shift = shift_for(block_max(maximum));
  sum = block_sum(sum * expf(maximum - shift));

  if (threadIdx.x == 0) {
    const float row_lse = shift + logf(sum);
    lse[blockIdx.x] = row_lse;
    losses[blockIdx.x] = row_lse - to_float(row[targets[blockIdx.x]]);
  }
}

// No __restrict__: dlogits may be logits.
template <int kWidth, class T>
__global__ void __launch_bounds__(kMaxThreads) cross_entropy_backward_kernel(const T* logits,     // (N, V)
                                                                             const int* targets,  // (N)
                                                                             const float* lse,    // (N)
                                                                             T* dlogits,          // (N, V)
                                                                             float dloss, int v) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(v);
  const auto* in = reinterpret_cast<const Pack<kWidth, T>*>(logits + start);
  auto* out = reinterpret_cast<Pack<kWidth, T>*>(dlogits + start);
  const int packs = v / kWidth;
  const int target = targets[blockIdx.x];
  const float row_lse = lse[blockIdx.x];
  constexpr int kPacks = kAtOnce / kWidth;

  for (std::int64_t first = threadIdx.x; first < packs; first += kPacks * blockDim.x) {
    Pack<kWidth, T> held[kPacks];
    load_packs(held, in, first, packs);
#pragma unroll
    for (int p = 0; p < kPacks; ++p) {
      const std::int64_t index = first + p * static_cast<std::int64_t>(blockDim.x);
      const int place = static_cast<int>(target - index * kWidth);  // of the target in this pack
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        const float probability = expf(to_float(held[p].values[k]) - row_lse);
        held[p].values[k] = from_float<T>(dloss * (probability - (k == place ? 1.0f : 0.0f)));
      }
      if (index < packs) out[index] = held[p];
    }
  }
}

int threads_for(int v) {
  return std::min(threads_for_row(v, kAtOnce), kMaxThreads);
}

template <class T>
void cross_entropy_forward_solution(const T* logits, const int* targets, float* losses, float* lse, int n,
                                    int v, cudaStream_t stream) {
  require_cross_entropy_forward(logits, targets, losses, lse, n, v);
  const bool wide = rows_fit_pack<kPackWidth<T>>(v, logits);
  const auto kernel =
      wide ? cross_entropy_forward_kernel<kPackWidth<T>, T> : cross_entropy_forward_kernel<1, T>;
  kernel<<<n, threads_for(v), 0, stream>>>(logits, targets, losses, lse, v);
  WB_CHECK_LAUNCH();
}

template <class T>
void cross_entropy_backward_solution(const T* logits, const int* targets, const float* lse, T* dlogits,
                                     float dloss, int n, int v, cudaStream_t stream) {
  require_cross_entropy_backward(logits, targets, lse, dlogits, n, v);
  const bool wide = rows_fit_pack<kPackWidth<T>>(v, logits, dlogits);
  const auto kernel =
      wide ? cross_entropy_backward_kernel<kPackWidth<T>, T> : cross_entropy_backward_kernel<1, T>;
  kernel<<<n, threads_for(v), 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(CrossEntropyForward, solution, cross_entropy_forward_solution<float>);
WB_REGISTER(CrossEntropyBackward, solution, cross_entropy_backward_solution<float>);
WB_REGISTER(CrossEntropyForwardBf16, solution, cross_entropy_forward_solution<bf16>);
WB_REGISTER(CrossEntropyBackwardBf16, solution, cross_entropy_backward_solution<bf16>);

}  // namespace wb
