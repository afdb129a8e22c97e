// Rung 3: one barrier per row.
//
// Idea: maximum and sum are reduced as a pair. Each thread computes the exponentials relative to its own
// maximum, not the row's, and the merge of two pairs rescales their sums (softmax_row.cuh). One barrier is
// therefore enough. Instead of a division by the sum, each value is multiplied by exp(own maximum - maximum)
// / sum: one more exponential per thread.
//
// Limited before: we suspected the second barrier.
// Limits now: as rung 2. A multiprocessor has several blocks, and while one waits at its barrier the others
// load: removing the barrier gained nothing (README.md).
// Uses: 24 to 64 registers, 32 to 512 bytes of shared memory.
// Costs in clarity: the values of a thread are relative to its own maximum until the end.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_forward/softmax_row.cuh"

namespace wb {
namespace {

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads) one_meeting(const typename Shape::T* x,  // (rows, columns)
                                                               typename Shape::T* y,        // (rows, columns)
                                                               int columns) {
  const std::int64_t start = blockIdx.x * static_cast<std::int64_t>(columns);
  ladder::HeldRow<Shape> row(x + start, columns);

  const ladder::MaxAndSum own = ladder::exponentials_of(row);
  const ladder::MaxAndSum all = ladder::meet<Shape::kThreads>(own, ladder::MergeMaxAndSum{});
  const float factor = expf(own.of[0] - ladder::shift_for(all.of[0])) * ladder::inverse_of(all.of[1]);

  row.each([&](float& value) { value *= factor; });
  row.store(y + start, [](const Pack<Shape::kWidth>& pack, int) { return pack; });
}

void softmax_one_meeting(const float* x, float* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  const bool wide = rows_fit_pack4(columns, x, y);
  if (columns > ladder::kLongestHeldRow) {
    ladder::softmax_walked_kernel<float>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(x, y, columns);
  } else {
    ladder::with_held_row<float>(columns, wide, [&](auto shape) {
      one_meeting<decltype(shape)><<<rows, shape.kThreads, 0, stream>>>(x, y, columns);
    });
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForward, one_meeting, softmax_one_meeting);

}  // namespace wb
