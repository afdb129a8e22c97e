// Rung 6: the weights of a long row stay on the multiprocessors, and the next row is on its way.
// Needs: sm_90
//
// Idea: at 32768 columns every row of 128 KiB needs 256 KiB of weights, which come from the L2 cache: three
// times as much as memory delivers. Here a cluster of two blocks takes one row after the other. Each block
// owns half of the columns, and keeps their weights in shared memory from its first row to its last. The copy
// engine brings the next row (arriving_row.cuh) while the two blocks meet and store.
//
// Limited before: probably the L2 cache, at 32768 columns.
// Limits now: not measured yet.
// Uses: 46 registers without spills, 192 KiB of shared memory: one block per multiprocessor.
// Costs in clarity: blocks that stay, a cluster, and a copy that is ahead of its use.
#include "04_layernorm/layernorm.h"
#include "04_layernorm/layernorm_check.h"
#include "common/core/registry.h"
#include "common/core/shared_memory.h"
#include "solutions/ladders/layernorm_forward/held_weights.cuh"
#include "solutions/ladders/rows/arriving_row.cuh"

namespace wb {
namespace {

// Cluster b, of blocks (b, 0), (b, 1), ..., takes rows b, b + gridDim.x, ...
template <class Shape, int kBlocks, class T>
__global__ void __launch_bounds__(Shape::kThreads) kept_weights(ladder::LayernormArguments<T> a, int n) {
  using Held = ladder::HeldPacks<Shape>;
  using P = Pack<Shape::kWidth, T>;
  extern __shared__ __align__(128) unsigned char shared[];  // (3, columns of the slice)
  __shared__ std::uint64_t arrived;
  const ladder::Slice slice = ladder::slice_of<Shape>(static_cast<int>(blockIdx.y), a.c);
  auto* gamma = reinterpret_cast<P*>(shared) + Shape::kColumns / Shape::kWidth;
  auto* beta = gamma + Shape::kColumns / Shape::kWidth;
  ladder::ArrivingRow<T> arriving(shared, &arrived);
  std::int64_t row = blockIdx.x;
  const auto ask_for = [&](std::int64_t next) {
    if (next < n) arriving.ask_for(a.x + next * a.c + slice.first, slice.columns);
  };

  hopper::wait_for_previous_kernel();
  ask_for(row);
  // A thread reads only the weights that it has put there, so no barrier is needed.
#pragma unroll
  for (int i = 0; i < Shape::kPacks; ++i) {
    if (!Held::is_inside(i, slice.columns)) continue;
    gamma[Held::index(i)] = ladder::load_words<Shape::kWidth>(a.gamma + slice.first, Held::index(i));
    beta[Held::index(i)] = ladder::load_words<Shape::kWidth>(a.beta + slice.first, Held::index(i));
  }
  hopper::let_next_kernel_start();
  ladder::start_cluster<kBlocks>();

  const auto meet_sum = [](float mine, int turn) {
    return ladder::meet_in_cluster<Shape::kThreads, kBlocks>(ladder::Known<1>{{mine}}, turn).of[0];
  };
  const auto count = static_cast<float>(a.c);
  for (; row < n; row += gridDim.x) {
    Held x;
    x.ask_for(arriving.wait(), slice.columns);
    float sum = 0.0f, squares = 0.0f;
    x.each(slice.columns, [&](float value) { sum += value; });
    const float mean = meet_sum(sum, 0) / count;
    ask_for(row + gridDim.x);  // all threads have taken this row
    x.each(slice.columns, [&](float value) { squares += (value - mean) * (value - mean); });
    const float rstd = rsqrtf(meet_sum(squares, 1) / count + a.epsilon);

    if (blockIdx.y == 0) ladder::store_statistics(a, row, mean, rstd);
    auto* y = reinterpret_cast<P*>(a.y + row * a.c + slice.first);
#pragma unroll
    for (int i = 0; i < Shape::kPacks; ++i) {
      if (!Held::is_inside(i, slice.columns)) continue;
      const int at = Held::index(i);
      y[at] = normalise(x.pack(i), mean, rstd, gamma[at], beta[at]);
    }
  }
}

void layernorm_kept_weights(const float* x, const float* gamma, const float* beta, float* y, float* mean,
                            float* rstd, int n, int c, float epsilon, cudaStream_t stream) {
  check_layernorm_forward(x, gamma, beta, y, mean, rstd, n, c, epsilon);
  const ladder::LayernormArguments<float> a = {x, gamma, beta, y, mean, rstd, c, epsilon};
  const bool wide = rows_fit_pack4(c, x, gamma, beta, y);
  using Slice = ladder::RowShape<float, 4, 4, 1024>;
  constexpr int kBlocks = 2, kShared = 3 * Slice::kColumns * static_cast<int>(sizeof(float));
  if (ladder::launch_held_weights(a, n, wide, stream)) {
  } else if (wide && c <= kBlocks * Slice::kColumns && kShared + 1024 <= shared_memory_per_block()) {
    auto* kernel = kept_weights<Slice, kBlocks, float>;
    const int clusters = std::min(n, ladder::resident_clusters(kernel, Slice::kThreads, kBlocks, kShared));
    ladder::launch_early(kernel, {dim3(clusters, kBlocks), Slice::kThreads, kShared, kBlocks}, stream, a, n);
  } else {
    ladder::layernorm_walked_kernel<float>(wide)<<<n, ladder::kWalkingThreads, 0, stream>>>(a);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(LayernormForward, kept_weights, layernorm_kept_weights);

}  // namespace wb
