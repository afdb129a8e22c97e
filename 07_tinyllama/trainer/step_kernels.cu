// The trainer's own two small kernels: the mean of the losses, and the batch.
//
// mean_loss: one block, since N is small (a few thousand): each thread adds every 256th loss, then a tree in
// shared memory joins the partial sums, always in the same order. The batch: one thread per token. Its random
// numbers are a hash of (seed, batch, where): no state to carry, so a step needs nothing from the host and
// the same number always gives the same batch.
#include "07_tinyllama/trainer/step_kernels.h"

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void mean_loss_kernel(const float* losses,  // (n)
                                 float* mean,          // (1)
                                 int n) {
  __shared__ float partial[kThreads];
  float sum = 0.0f;
  for (int i = threadIdx.x; i < n; i += kThreads) sum += losses[i];
  partial[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half) partial[threadIdx.x] += partial[threadIdx.x + half];
  }
  if (threadIdx.x == 0) *mean = partial[0] / static_cast<float>(n);
}

// Thread i owns tokens[i] and targets[i], i = row * T + column.
template <class Token>
__global__ void token_batch_kernel(const Token* source,  // (plan.length)
                                   RowPlan plan,
                                   int* tokens,   // (B, T)
                                   int* targets,  // (B, T)
                                   int b, int t, int batch) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= b * t) return;
  const std::int64_t place = row_start(plan, batch, i / t, b, t) + i % t;
  tokens[i] = source[place];
  targets[i] = source[place + 1];
}

// Row b is a random sequence of T + 1 tokens: a token and the target before it are the same number.
__global__ void random_batch_kernel(int* tokens,   // (B, T)
                                    int* targets,  // (B, T)
                                    int b, int t, int v, std::uint64_t seed, int batch) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= b * t) return;
  const std::uint64_t where = static_cast<std::uint64_t>(i / t) * static_cast<std::uint64_t>(t + 1) +
                              static_cast<std::uint64_t>(i % t);
  tokens[i] = static_cast<int>(random_below(v, seed, batch, where));
  targets[i] = static_cast<int>(random_below(v, seed, batch, where + 1));
}

}  // namespace

void mean_loss(const float* losses, float* mean, int n, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(losses != nullptr, losses);
  WB_REQUIRE(mean != nullptr, mean);
  mean_loss_kernel<<<1, kThreads, 0, stream>>>(losses, mean, n);
  WB_CHECK_LAUNCH();
}

void token_batch(const void* source, int width, const RowPlan& plan, int* tokens, int* targets, int b, int t,
                 int batch, cudaStream_t stream) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(batch >= 0, batch);
  WB_REQUIRE(width == 1 || width == 2, width);
  WB_REQUIRE(plan.length >= static_cast<std::int64_t>(t) + 1, plan.length);
  WB_REQUIRE(plan.rows >= 0, plan.rows);
  WB_REQUIRE(source != nullptr, source);
  WB_REQUIRE(tokens != nullptr, tokens);
  WB_REQUIRE(targets != nullptr, targets);
  const int blocks = (b * t - 1) / kThreads + 1;
  if (width == 1) {
    const auto* bytes = static_cast<const unsigned char*>(source);
    token_batch_kernel<unsigned char>
        <<<blocks, kThreads, 0, stream>>>(bytes, plan, tokens, targets, b, t, batch);
  } else {
    const auto* numbers = static_cast<const std::uint16_t*>(source);
    WB_REQUIRE(is_aligned(numbers), source);
    token_batch_kernel<std::uint16_t>
        <<<blocks, kThreads, 0, stream>>>(numbers, plan, tokens, targets, b, t, batch);
  }
  WB_CHECK_LAUNCH();
}

void random_batch(int* tokens, int* targets, int b, int t, int v, std::uint64_t seed, int batch,
                  cudaStream_t stream) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(tokens != nullptr, tokens);
  WB_REQUIRE(targets != nullptr, targets);
  const int blocks = (b * t - 1) / kThreads + 1;
  random_batch_kernel<<<blocks, kThreads, 0, stream>>>(tokens, targets, b, t, v, seed, batch);
  WB_CHECK_LAUNCH();
}

}  // namespace wb
