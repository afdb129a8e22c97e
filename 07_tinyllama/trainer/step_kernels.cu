// The trainer's own two small kernels: the mean of the losses, and the batch.
//
// mean_loss: one block, since N is small (a few thousand): each thread adds every 256th loss, then a tree in
// shared memory joins the partial sums, always in the same order. The batch: one thread per token. Its random
// numbers are a hash of (seed, step, where): no state to carry, so a step needs nothing from the host and the
// same step always gives the same batch.
#include "07_tinyllama/trainer/step_kernels.h"

#include "common/core/check.h"

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

// The output function of SplitMix64 (Steele, Lea, Flood, 2014): neighbouring inputs give unrelated outputs.
__device__ std::uint64_t mix(std::uint64_t z) {
  z += 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

// Uniform in [0, bound), up to a bias of bound / 2^64.
__device__ std::int64_t random_below(std::int64_t bound, std::uint64_t seed, int step, std::uint64_t where) {
  const std::uint64_t bits = mix(mix(mix(seed) + static_cast<std::uint64_t>(step)) + where);
  return static_cast<std::int64_t>(bits % static_cast<std::uint64_t>(bound));
}

// Thread i owns tokens[i] and targets[i], i = b * T + t.
__global__ void text_batch_kernel(const unsigned char* text,  // (length)
                                  std::int64_t length,        //
                                  int* tokens,                // (B, T)
                                  int* targets,               // (B, T)
                                  int b, int t, std::uint64_t seed, int step) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= b * t) return;
  const std::int64_t start = random_below(length - t, seed, step, static_cast<std::uint64_t>(i / t));
  tokens[i] = text[start + i % t];
  targets[i] = text[start + i % t + 1];
}

// Row b is a random sequence of T + 1 tokens: a token and the target before it are the same number.
__global__ void random_batch_kernel(int* tokens,   // (B, T)
                                    int* targets,  // (B, T)
                                    int b, int t, int v, std::uint64_t seed, int step) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= b * t) return;
  const std::uint64_t where = static_cast<std::uint64_t>(i / t) * static_cast<std::uint64_t>(t + 1) +
                              static_cast<std::uint64_t>(i % t);
  tokens[i] = static_cast<int>(random_below(v, seed, step, where));
  targets[i] = static_cast<int>(random_below(v, seed, step, where + 1));
}

}  // namespace

void mean_loss(const float* losses, float* mean, int n, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(losses != nullptr, losses);
  WB_REQUIRE(mean != nullptr, mean);
  mean_loss_kernel<<<1, kThreads, 0, stream>>>(losses, mean, n);
  WB_CHECK_LAUNCH();
}

void text_batch(const unsigned char* text, std::int64_t length, int* tokens, int* targets, int b, int t,
                std::uint64_t seed, int step, cudaStream_t stream) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(length >= static_cast<std::int64_t>(t) + 1, length);
  WB_REQUIRE(text != nullptr, static_cast<const void*>(text));
  WB_REQUIRE(tokens != nullptr, tokens);
  WB_REQUIRE(targets != nullptr, targets);
  const int blocks = (b * t - 1) / kThreads + 1;
  text_batch_kernel<<<blocks, kThreads, 0, stream>>>(text, length, tokens, targets, b, t, seed, step);
  WB_CHECK_LAUNCH();
}

void random_batch(int* tokens, int* targets, int b, int t, int v, std::uint64_t seed, int step,
                  cudaStream_t stream) {
  WB_REQUIRE(b >= 1, b);
  WB_REQUIRE(t >= 1, t);
  WB_REQUIRE(v >= 1, v);
  WB_REQUIRE(tokens != nullptr, tokens);
  WB_REQUIRE(targets != nullptr, targets);
  const int blocks = (b * t - 1) / kThreads + 1;
  random_batch_kernel<<<blocks, kThreads, 0, stream>>>(tokens, targets, b, t, v, seed, step);
  WB_CHECK_LAUNCH();
}

}  // namespace wb
