// Rung 2: the row stays in the registers of a block.
//
// Idea: a block holds its row (held_row.cuh), so that memory and caches are read once, whatever the length up
// to 32768 columns. The number of threads depends on the length: 64 threads with 4 loads of 16 bytes each for
// 1024 columns, so that a multiprocessor has many rows in flight; 1024 threads with 8 loads for 32768. The
// block has two barriers, for the mean and for the squared deviations from it.
//
// Limited before: the second read of each row.
// Limits now: the weights. gamma and beta of a short row are twice as many bytes as the row, and a thread
// issues their loads after the reduction, when all threads then wait for them. At 32768 columns one block
// fills a multiprocessor, and no loads are in flight while it waits at a barrier.
// Uses: 27 to 64 registers, 16 to 256 bytes of shared memory.
// Costs in clarity: a launch shape for each row length.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/layernorm_forward/layernorm_row.cuh"

namespace wb {
namespace {

template <class Shape, class T>
__global__ void __launch_bounds__(Shape::kThreads) held_row(ladder::LayernormArguments<T> arguments) {
  const std::int64_t row = blockIdx.x;
  ladder::HeldRow<Shape> held(arguments.x + row * arguments.c, arguments.c);
  const auto count = static_cast<float>(arguments.c);

  float sum = 0.0f, squares = 0.0f;
  held.each([&](float value) { sum += value; });
  const float mean = ladder::meet_sum<Shape::kThreads>(sum) / count;
  held.each([&](float value) { squares += (value - mean) * (value - mean); });
  const float variance = ladder::meet_sum<Shape::kThreads>(squares, 1) / count;

  const float rstd = rsqrtf(variance + arguments.epsilon);
  ladder::store_statistics(arguments, row, mean, rstd);
  ladder::store_normalized(held, arguments, row, 0, mean, rstd);
}

template <class T>
void layernorm_held_row(const T* x, const T* gamma, const T* beta, T* y, float* mean, float* rstd, int n,
                        int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<T> arguments = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack<16 / sizeof(T)>(c, x, gamma, beta, y);
  if (c > ladder::kLongestHeldRow) {
    ladder::layernorm_walked_kernel<T>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(arguments);
  } else {
    ladder::with_held_row<T>(c, wide, [&](auto shape) {
      held_row<decltype(shape), T><<<n, shape.kThreads, 0, stream>>>(arguments);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, held_row, layernorm_held_row<float>);
WB_REGISTER(LayernormForwardBf16, held_row, layernorm_held_row<bf16>);

}  // namespace wb
