// Clipping by the global norm, without a word to the host.
//
// The norm needs every gradient before the first one may be scaled, so there are two kernels and a short one
// between them: each of up to 65,536 threads adds the squares of its packs in registers; one block adds those
// partial sums, always in the same order, and writes the factor; every thread of the last kernel reads it.
// No atomics: their order differs from run to run, and with it the last bits. Bytes: 4 per gradient, and 8
// more where the factor is not 1. The partial sums stay in one thread each, so the first kernel needs no
// barrier; only the join does.
#include "07_tinyllama/trainer/clip.h"

#include <algorithm>

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kMostBlocks = 256;
constexpr std::int64_t kElementsPerThread = 64;  // at least, where there are enough

int blocks_for(std::int64_t n) {
  const std::int64_t wanted = (n - 1) / (kElementsPerThread * kThreads) + 1;
  return static_cast<int>(std::min(wanted, kMostBlocks));
}

// Thread i adds packs i, i + threads, i + 2 threads, ...; the last n % 4 gradients go to thread 0.
__global__ void partial_squares_kernel(const float* gradients,  // (n)
                                       float* partial,          // (threads of the grid)
                                       std::int64_t n) {
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  float sum = 0.0f;
  for (std::int64_t i = thread; i < n / 4; i += threads) {
    const auto pack = reinterpret_cast<const Pack<4>*>(gradients)[i];
#pragma unroll
    for (int k = 0; k < 4; ++k) sum += pack.values[k] * pack.values[k];
  }
  if (thread == 0) {
    for (std::int64_t i = n / 4 * 4; i < n; ++i) sum += gradients[i] * gradients[i];
  }
  partial[thread] = sum;
}

__global__ void join_squares_kernel(const float* partial,  // (count)
                                    float* norm,           // (1)
                                    float* factor,         // (1)
                                    int count, float max_norm) {
  __shared__ float sums[kThreads];
  float sum = 0.0f;
  for (int i = threadIdx.x; i < count; i += kThreads) sum += partial[i];
  sums[threadIdx.x] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (static_cast<int>(threadIdx.x) < half) sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x != 0) return;
  const float length = sqrtf(sums[0]);
  *norm = length;
  *factor = !isfinite(length) ? 0.0f : length > max_norm ? max_norm / length : 1.0f;
}

__global__ void scale_kernel(float* gradients,     // (n)
                             const float* factor,  // (1)
                             std::int64_t n) {
  const float f = *factor;
  if (f == 1.0f) return;
  const std::int64_t thread = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t threads = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = thread; i < n / 4; i += threads) {
    Pack<4>& pack = reinterpret_cast<Pack<4>*>(gradients)[i];
#pragma unroll
    for (int k = 0; k < 4; ++k) pack.values[k] = f == 0.0f ? 0.0f : pack.values[k] * f;
  }
  if (thread == 0) {
    for (std::int64_t i = n / 4 * 4; i < n; ++i) gradients[i] = f == 0.0f ? 0.0f : gradients[i] * f;
  }
}

}  // namespace

std::size_t gradient_norm_scratch(std::int64_t n) {
  WB_REQUIRE(n >= 1, n);
  return static_cast<std::size_t>(blocks_for(n)) * kThreads;
}

void gradient_norm(const float* gradients, float* scratch, float* norm, float* factor, std::int64_t n,
                   float max_norm, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(max_norm > 0.0f, max_norm);
  WB_REQUIRE(gradients != nullptr && is_aligned(reinterpret_cast<const Pack<4>*>(gradients)), gradients);
  WB_REQUIRE(scratch != nullptr, scratch);
  WB_REQUIRE(norm != nullptr, norm);
  WB_REQUIRE(factor != nullptr, factor);
  const int blocks = blocks_for(n);
  partial_squares_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(gradients, scratch, n);
  WB_CHECK_LAUNCH();
  join_squares_kernel<<<1, kThreads, 0, stream>>>(scratch, norm, factor, blocks * kThreads, max_norm);
  WB_CHECK_LAUNCH();
}

void scale_gradients(float* gradients, const float* factor, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 1, n);
  WB_REQUIRE(gradients != nullptr && is_aligned(reinterpret_cast<Pack<4>*>(gradients)), gradients);
  WB_REQUIRE(factor != nullptr, factor);
  // Twice the blocks of the sum: this one writes, too.
  const auto blocks = static_cast<unsigned>(2 * blocks_for(n));
  scale_kernel<<<blocks, kThreads, 0, stream>>>(gradients, factor, n);
  WB_CHECK_LAUNCH();
}

}  // namespace wb
