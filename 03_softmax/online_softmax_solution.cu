// Log-sum-exp of each row in one pass: a running maximum, and a sum that is rescaled when the maximum grows
// (Milakov and Gimelshein, 2018). One block per row; the kernel writes one float per row.
//
// Thread t keeps (maximum, sum), where sum = sum of exp(x - maximum) over the elements so far. It processes
// 16 floats at a time, in packs; neighboring threads read neighboring packs. The 16 loads are in flight
// together, and the sum is rescaled once for all of them. Pairs are merged: first those of the lanes of a
// warp, by shuffles, and then those of the warps, by the first warp.
//
// 4 bytes per element, 1 exponential: memory bound. A pack is 16 bytes if the rows allow it, otherwise 4.
// Read next: 06_flash_attention, which merges tiles of scores in the same way.
#include <algorithm>
#include <cmath>
#include <cstdint>

#include "03_softmax/block_reduce.cuh"
#include "03_softmax/online_softmax.h"
#include "03_softmax/row_threads.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFloatsAtOnce = 16;
template <int kWidth>
constexpr int kPacksAtOnce = kFloatsAtOnce / kWidth;
constexpr int kMaxThreads = 256;

struct Running {
  float maximum;  // of the values seen; -inf if there are none
  float sum;      // of exp(value - maximum)
};

// What both have seen. Of two empty ones the maximum is -inf, and -inf - -inf would be NaN.
__device__ Running merge(Running a, Running b) {
  const float maximum = fmaxf(a.maximum, b.maximum);
  const float shift = maximum == -INFINITY ? 0.0f : maximum;
  return {maximum, a.sum * expf(a.maximum - shift) + b.sum * expf(b.maximum - shift)};
}

// NaN is no maximum, but stays in the sum: exp(NaN) = NaN.
template <int kWidth>
__device__ Running include(Running seen, const Pack<kWidth> (&packs)[kPacksAtOnce<kWidth>]) {
  float maximum = seen.maximum;
  for (const auto& pack : packs) {
    for (const float value : pack.values) maximum = fmaxf(maximum, value);
  }
  const float shift = maximum == -INFINITY ? 0.0f : maximum;
  float sum = seen.sum * expf(seen.maximum - shift);
  for (const auto& pack : packs) {
    for (const float value : pack.values) sum += expf(value - shift);
  }
  return {maximum, sum};
}

__device__ Running warp_merge(Running mine) {
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    mine = merge(mine, {__shfl_xor_sync(kAllLanes, mine.maximum, distance),
                        __shfl_xor_sync(kAllLanes, mine.sum, distance)});
  }
  return mine;
}

template <int kWidth>
__global__ void __launch_bounds__(kMaxThreads) online_softmax_kernel(const float* x,  // (rows, columns)
                                                                     float* lse,      // (rows)
                                                                     int columns) {
  __shared__ Running of_warp[kWarp];
  const auto* in = reinterpret_cast<const Pack<kWidth>*>(x + blockIdx.x * static_cast<std::int64_t>(columns));
  const int packs = columns / kWidth, step = static_cast<int>(blockDim.x);

  Running mine{-INFINITY, 0.0f};
  for (std::int64_t first = threadIdx.x; first < packs; first += step * kPacksAtOnce<kWidth>) {
    Pack<kWidth> held[kPacksAtOnce<kWidth>];
#pragma unroll
    for (int i = 0; i < kPacksAtOnce<kWidth>; ++i) {
      if (first + i * step < packs) {
        held[i] = in[first + i * step];
      } else {
        for (float& value : held[i].values) value = -INFINITY;
      }
    }
    mine = include<kWidth>(mine, held);
  }

  mine = warp_merge(mine);
  const int lane = static_cast<int>(threadIdx.x) % kWarp, warp = static_cast<int>(threadIdx.x) / kWarp;
  if (lane == 0) of_warp[warp] = mine;
  __syncthreads();
  if (warp != 0) return;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  mine = warp_merge(lane < warps ? of_warp[lane] : Running{-INFINITY, 0.0f});
  if (lane == 0) lse[blockIdx.x] = mine.maximum + logf(mine.sum);
}

void online_softmax_solution(const float* x, float* lse, int rows, int columns, cudaStream_t stream) {
  check_online_softmax(x, lse, rows, columns);
  const int threads = std::min(threads_for_row(columns, kFloatsAtOnce), kMaxThreads);
  auto* kernel = rows_fit_pack4(columns, x) ? online_softmax_kernel<4> : online_softmax_kernel<1>;
  kernel<<<rows, threads, 0, stream>>>(x, lse, columns);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(OnlineSoftmax, solution, online_softmax_solution);

}  // namespace wb
