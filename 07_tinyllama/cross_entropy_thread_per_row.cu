// Cross entropy with one thread per row of logits: maximum, sum of exponentials, loss, as two loops.
//
// Threads share nothing, and there is no barrier. On a GPU the 32 threads of a warp read 32 rows at the same
// time, and most bytes of each sector are not used. On the CPU device, where each thread changes its stack at
// a barrier, this is the fastest implementation. Backward needs no sum over the row (lse is given), so that
// of `solution` has no barrier either and is used on both devices.
//
// A pack is 16 bytes if the rows allow it. Each of its elements has a partial sum of its own, so that an
// addition does not have to wait for the one before. T is the type in memory, float or bf16. The kernel reads
// the logits twice, the second time from the cache: 4 N V bytes and one exponential per element. Read next:
// cross_entropy_solution.cu, where a row belongs to a block and is read once.
#include <cmath>
#include <cstdint>

#include "07_tinyllama/cross_entropy_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 32;
constexpr int kRun = 64;  // packs whose sum is taken before it joins the row's: long rows keep their digits

template <int kWidth, class T>
__global__ void cross_entropy_rows_kernel(const T* logits,     // (N, V)
                                          const int* targets,  // (N)
                                          float* losses,       // (N)
                                          float* lse,          // (N)
                                          int n, int v) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= n) return;
  const T* row_logits = logits + row * static_cast<std::int64_t>(v);
  const auto* packs = reinterpret_cast<const Pack<kWidth, T>*>(row_logits);

  const int count = v / kWidth;
  Pack<kWidth> larger;
  for (float& value : larger.values) value = -INFINITY;
  for (int i = 0; i < count; ++i) {
    const Pack<kWidth, T> pack = packs[i];
    for (int j = 0; j < kWidth; ++j) larger.values[j] = fmaxf(larger.values[j], to_float(pack.values[j]));
  }
  float maximum = -INFINITY;
  for (const float value : larger.values) maximum = fmaxf(maximum, value);
  // Where all logits are -inf, -inf - -inf would be NaN: subtract nothing.
  const float shift = maximum == -INFINITY ? 0.0f : maximum;
  float sum = 0.0f;
  for (int begin = 0; begin < count; begin += kRun) {
    Pack<kWidth> sums = {};
    for (int i = begin; i < min(begin + kRun, count); ++i) {
      const Pack<kWidth, T> pack = packs[i];
      for (int j = 0; j < kWidth; ++j) sums.values[j] += expf(to_float(pack.values[j]) - shift);
    }
    for (const float value : sums.values) sum += value;
  }

  const float row_lse = shift + logf(sum);
  lse[row] = row_lse;
  losses[row] = row_lse - to_float(row_logits[targets[row]]);
}

template <class T>
void cross_entropy_forward_thread_per_row(const T* logits, const int* targets, float* losses, float* lse,
                                          int n, int v, cudaStream_t stream) {
  require_cross_entropy_forward(logits, targets, losses, lse, n, v);
  constexpr int kWide = 16 / sizeof(T);
  const auto kernel =
      rows_fit_pack<kWide>(v, logits) ? cross_entropy_rows_kernel<kWide, T> : cross_entropy_rows_kernel<1, T>;
  const auto blocks = static_cast<unsigned>((n - 1) / kThreads + 1);
  kernel<<<blocks, kThreads, 0, stream>>>(logits, targets, losses, lse, n, v);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(CrossEntropyForward, thread_per_row, cross_entropy_forward_thread_per_row<float>);
WB_REGISTER(CrossEntropyForwardBf16, thread_per_row, cross_entropy_forward_thread_per_row<bf16>);

}  // namespace wb
