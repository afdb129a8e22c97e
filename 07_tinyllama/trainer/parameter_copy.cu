// Rounds fp32 parameters to bf16. One thread per four elements: a load of 16 bytes, a store of 8. Bound by
// memory bandwidth, 6 bytes per element.
#include "07_tinyllama/trainer/parameter_copy.h"

#include "common/core/check.h"
#include "common/core/pack.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void copy_to_bf16_kernel(const Pack<4>* parameters,  // (n / 4)
                                    Pack<4, bf16>* copy,        // (n / 4)
                                    std::int64_t packs) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= packs) return;
  const Pack<4> from = parameters[i];
  Pack<4, bf16> to;
#pragma unroll
  for (int lane = 0; lane < 4; ++lane) to.values[lane] = from_float<bf16>(from.values[lane]);
  copy[i] = to;
}

}  // namespace

void copy_to_bf16(const float* parameters, bf16* copy, std::int64_t n, cudaStream_t stream) {
  WB_REQUIRE(n >= 1 && n % 4 == 0, n);
  const auto* from = reinterpret_cast<const Pack<4>*>(parameters);
  auto* to = reinterpret_cast<Pack<4, bf16>*>(copy);
  WB_REQUIRE(from != nullptr && is_aligned(from), parameters);
  WB_REQUIRE(to != nullptr && is_aligned(to), copy);
  const std::int64_t blocks = (n / 4 - 1) / kThreads + 1;
  WB_REQUIRE(blocks <= INT32_MAX, blocks);
  copy_to_bf16_kernel<<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(from, to, n / 4);
  WB_CHECK_LAUNCH();
}

}  // namespace wb
