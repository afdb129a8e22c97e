// Rung 4: the loads of the weights are issued with those of the row, and a block processes two short rows at
// a time.
// Needs: sm_90
//
// Idea: the previous rungs loaded the weights after the reduction, and all threads then waited for a cache.
// Up to 8192 columns (16384 in bf16) a thread has registers for both, and issues both loads together. In
// short rows a thread would have only one load, so a block processes two rows, which share the weights and
// the barrier. For longer rows the weights are read as constants, so that the compiler may issue the loads of
// several packs before it stores the first.
//
// Limited before: loading the weights from a cache after the reduction, with all threads waiting.
// Limits now: memory in fp32: 91% of a copy at 1024 columns, 100% at 8192, 98% at 32768 (H200). In bf16 97%
// at 8192 and at 32768 columns, and 81% at 1024: the start and the end of a block.
// Uses: 27 to 64 registers, 64 to 256 bytes of shared memory.
// Costs in clarity: two kernels, for short rows and for long ones.
#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/rmsnorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/rmsnorm_forward/held_weights.cuh"

namespace wb {
namespace {

// A row that leaves no registers for weights. They come by load_words, so that those of several packs are on
// their way at once.
template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) long_row(ladder::RmsnormArguments<T> a) {
  const std::int64_t row = blockIdx.x;
  hopper::wait_for_previous_kernel();
  ladder::HeldPacks<Shape> x;
  x.ask_for(a.x + row * a.c, a.c);
  hopper::let_next_kernel_start();

  float squares = 0.0f;
  x.each(a.c, [&](float value) { squares += value * value; });
  const float rstd = ladder::meet_rstd<Shape::kThreads>(squares, a, row);

  auto* y = reinterpret_cast<Pack<Shape::kWidth, T>*>(a.y + row * a.c);
#pragma unroll
  for (int i = 0; i < Shape::kPacks; ++i) {
    if (!x.is_inside(i, a.c)) continue;
    const Pack<Shape::kWidth, T> weight = ladder::load_words<Shape::kWidth>(a.weight, x.index(i));
    y[x.index(i)] = ladder::round_to<T>(
        ladder::scale(ladder::to_floats<T>(x.pack(i)), rstd, ladder::to_floats<T>(weight)));
  }
}

template <class T>
void rmsnorm_held_weights(const T* x, const T* weight, T* y, float* rstd, int n, int c, float epsilon,
                          cudaStream_t stream) {
  check_rmsnorm_forward(x, weight, y, rstd, n, c, epsilon);
  const ladder::RmsnormArguments<T> a = {x, weight, y, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, weight, y);
  using Long = ladder::RowShape<T, 16 / sizeof(T), 8, sizeof(T) == 4 ? 1024 : 512>;
  if (ladder::launch_held_weights(a, n, wide, stream)) {
  } else if (wide && c <= Long::kColumns) {
    ladder::launch_early(long_row<Long, T>, {n, Long::kThreads}, stream, a);
  } else {
    ladder::rmsnorm_walked_kernel<T>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(RmsnormForward, held_weights, rmsnorm_held_weights<float>);
WB_REGISTER(RmsnormForwardBf16, held_weights, rmsnorm_held_weights<bf16>);

}  // namespace wb
