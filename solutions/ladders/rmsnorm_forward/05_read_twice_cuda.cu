// Rung 5: long rows are read twice, the second time from the L1 cache.
// Needs: sm_90
//
// Idea: a block that holds a row must receive all of it before it can store, and until then it issues no more
// loads. A block that only adds squares has spare registers: it loads the next packs while it adds these, and
// reads the row again to scale it. The loads of the first pass carry a hint to keep the row in the cache, and
// those of the second a hint to evict it (cache_hints.cuh). A multiprocessor processes only as many rows at
// once as fit in its L1 cache of 256 KiB: one of 128 KiB, two of 64, four of 32. Memory delivers each row
// once. torch.compile's kernel reads twice as well.
//
// Limited before: blocks that wait for a whole row: 98% of a copy at 32768 columns, 97% in bf16 there and at
// 8192.
// Limits now: memory: 101% of a copy, and 99% in bf16 (H200).
// Uses: 46 to 60 registers, 64 to 256 bytes of shared memory.
// Costs in clarity: cache hints, and a launch shape for every row length that was found by measuring.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rmsnorm_forward/held_weights.cuh"
#include "solutions/ladders/rows/cache_hints.cuh"

namespace wb {
namespace {

// A block has kThreads threads, each of which loads kPacks packs at a time. kBlocks blocks share a
// multiprocessor.
template <class Element, int kThreadsOf, int kPacksOf, int kBlocksOf>
struct Reading {
  using T = Element;
  static constexpr int kThreads = kThreadsOf, kPacks = kPacksOf, kBlocks = kBlocksOf;
  static constexpr int kWidth = 16 / sizeof(T);
};

template <class R>
__global__ void __launch_bounds__(R::kThreads, R::kBlocks)
    read_twice(ladder::RmsnormArguments<typename R::T> a) {
  using T = typename R::T;
  using P = Pack<R::kWidth, T>;
  constexpr int kStep = R::kThreads * R::kPacks;
  const std::int64_t row = blockIdx.x;
  const int packs = a.c / R::kWidth;
  const auto* x = reinterpret_cast<const P*>(a.x + row * a.c);
  hopper::wait_for_previous_kernel();

  float squares = 0.0f;
  for (int first = static_cast<int>(threadIdx.x); first < packs; first += kStep) {
    uint4 words[R::kPacks];
#pragma unroll
    for (int i = 0; i < R::kPacks; ++i) {
      const int at = first + i * R::kThreads;
      words[i] = at < packs ? ladder::load_to_keep(x + at) : uint4{};
    }
#pragma unroll
    for (int i = 0; i < R::kPacks; ++i) {
      const P pack = ladder::as_pack<R::kWidth, T>(words[i]);
      for (int j = 0; j < R::kWidth; ++j) squares += to_float(pack.values[j]) * to_float(pack.values[j]);
    }
  }
  hopper::let_next_kernel_start();
  const float rstd = ladder::meet_rstd<R::kThreads>(squares, a, row);

  auto* y = reinterpret_cast<P*>(a.y + row * a.c);
  for (int first = static_cast<int>(threadIdx.x); first < packs; first += kStep) {
    uint4 words[R::kPacks], weights[R::kPacks];
#pragma unroll
    for (int i = 0; i < R::kPacks; ++i) {
      const int at = first + i * R::kThreads;
      if (at >= packs) continue;
      words[i] = ladder::load_to_drop(x + at);
      weights[i] = ladder::load_to_keep(reinterpret_cast<const P*>(a.weight) + at);
    }
#pragma unroll
    for (int i = 0; i < R::kPacks; ++i) {
      const int at = first + i * R::kThreads;
      if (at >= packs) continue;
      y[at] = ladder::round_to<T>(
          ladder::scale(ladder::to_floats<T>(ladder::as_pack<R::kWidth, T>(words[i])), rstd,
                        ladder::to_floats<T>(ladder::as_pack<R::kWidth, T>(weights[i]))));
    }
  }
}

template <class R>
void launch_reading(const ladder::RmsnormArguments<typename R::T>& a, int n, cudaStream_t stream) {
  ladder::launch_early(read_twice<R>, {n, R::kThreads}, stream, a);
}

template <class T>
void rmsnorm_read_twice(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                        cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const ladder::RmsnormArguments<T> a = {x, weight, y, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, weight, y);
  const std::size_t bytes = static_cast<std::size_t>(c) * sizeof(T);
  const std::size_t held = sizeof(T) == 4 ? 32768 : 8192;  // the longest row that is no faster read twice
  if (bytes <= held && ladder::launch_held_weights(a, n, wide, stream)) {
  } else if (!wide) {
    ladder::rmsnorm_walked_kernel<T>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  } else if (bytes <= 32768) {
    launch_reading<Reading<T, 256, 2, 4>>(a, n, stream);
  } else if (bytes <= 65536) {
    launch_reading<Reading<T, 512, 2, 2>>(a, n, stream);
  } else {
    launch_reading<Reading<T, 1024, 4, 1>>(a, n, stream);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, read_twice, rmsnorm_read_twice<float>);
WB_REGISTER(RmsnormForwardBf16, read_twice, rmsnorm_read_twice<bf16>);

}  // namespace wb
