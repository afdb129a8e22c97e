// Cross entropy, one warp per row of logits.
//
// The loss needs log sum_v exp(logits[v]). Subtracting the row's maximum keeps the exponentials finite, and
// the online form of chapter 03 finds maximum and sum in one reading: when a larger value appears, the sum so
// far is scaled down. Lane l takes v = l, l + 32, ...: neighbouring lanes read neighbouring floats. Five
// shuffles then join the 32 partial results. Forward reads 4 N V bytes. Backward is one thread per logit:
// exp(logit - lse) is the probability, so nothing but lse had to be kept. It reads and writes 4 bytes an
// element, and may overwrite the logits.
#include <cmath>
#include <cstdint>

#include "07_tinyllama/cross_entropy.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kWarp = 32;
constexpr int kThreads = 256;
constexpr int kRowsPerBlock = kThreads / kWarp;

// sum = sum of exp(value - maximum) over the values seen. No value seen: maximum -inf, sum 0.
struct OnlineSum {
  float maximum;
  float sum;
};

// -inf - -inf is NaN: a partial result that has seen nothing, or only -inf, adds nothing.
__device__ float scale(float from, float to) {
  return from == -INFINITY ? 0.0f : expf(from - to);
}

__device__ OnlineSum join(OnlineSum a, OnlineSum b) {
  const float maximum = fmaxf(a.maximum, b.maximum);
  return {maximum, a.sum * scale(a.maximum, maximum) + b.sum * scale(b.maximum, maximum)};
}

__global__ void cross_entropy_forward_kernel(const float* logits,  // (N, V)
                                             const int* targets,   // (N)
                                             float* losses,        // (N)
                                             float* lse,           // (N)
                                             int n, int v) {
  const int lane = threadIdx.x % kWarp;
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kRowsPerBlock + threadIdx.x / kWarp;
  if (row >= n) return;  // the whole warp leaves: all lanes have the same row
  const float* row_logits = logits + row * v;

  OnlineSum total = {-INFINITY, 0.0f};
  for (int i = lane; i < v; i += kWarp) {
    const float value = row_logits[i];
    if (value > total.maximum) {
      total.sum *= scale(total.maximum, value);
      total.maximum = value;
    }
    total.sum += scale(value, total.maximum);
  }
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const OnlineSum other = {__shfl_xor_sync(0xffffffffu, total.maximum, distance),
                             __shfl_xor_sync(0xffffffffu, total.sum, distance)};
    total = join(total, other);
  }
  if (lane == 0) {
    const float row_lse = total.maximum + logf(total.sum);
    lse[row] = row_lse;
    losses[row] = row_lse - row_logits[targets[row]];
  }
}

// Block (row, group) owns 256 logits of a row: no division to find them. No __restrict__: dlogits may be
// logits.
__global__ void cross_entropy_backward_kernel(const float* logits,  // (N, V)
                                              const int* targets,   // (N)
                                              const float* lse,     // (N)
                                              float* dlogits,       // (N, V)
                                              float dloss, int v) {
  const int row = blockIdx.x;
  const int token = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
  if (token >= v) return;
  const std::int64_t i = static_cast<std::int64_t>(row) * v + token;
  const float probability = expf(logits[i] - lse[row]);
  dlogits[i] = dloss * (probability - (token == targets[row] ? 1.0f : 0.0f));
}

void cross_entropy_forward_solution(const float* logits, const int* targets, float* losses, float* lse, int n,
                                    int v, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(logits != nullptr, logits);
  WB_REQUIRE(targets != nullptr, targets);
  WB_REQUIRE(losses != nullptr, losses);
  WB_REQUIRE(lse != nullptr, lse);
  const int blocks = (n - 1) / kRowsPerBlock + 1;
  cross_entropy_forward_kernel<<<blocks, kThreads, 0, stream>>>(logits, targets, losses, lse, n, v);
  WB_CHECK_LAUNCH();
}

void cross_entropy_backward_solution(const float* logits, const int* targets, const float* lse,
                                     float* dlogits, float dloss, int n, int v, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(logits != nullptr, logits);
  WB_REQUIRE(targets != nullptr, targets);
  WB_REQUIRE(lse != nullptr, lse);
  WB_REQUIRE(dlogits != nullptr, dlogits);
  const dim3 grid(static_cast<unsigned>(n), static_cast<unsigned>((v - 1) / kThreads + 1));
  cross_entropy_backward_kernel<<<grid, kThreads, 0, stream>>>(logits, targets, lse, dlogits, dloss, v);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(CrossEntropyForward, solution, cross_entropy_forward_solution);
WB_REGISTER(CrossEntropyBackward, solution, cross_entropy_backward_solution);

}  // namespace wb
