// Mistake: the start of a copy is computed in an int: past 2^31 elements it wraps around.
// Caught as: too far for a 32-bit index
// Caught by: CountsPastTwoToThe31
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Block (position, head of H, batch).
__global__ void copies_of_32_bits_kernel(HeadsView<const float> x,  // (B, T, K, D)
                                         float* y,                  // (B, H, T, D)
                                         int t, int h, int d) {
  const std::int64_t position = blockIdx.x, head = blockIdx.y, batch = blockIdx.z;
  const std::int64_t source = head / (h / x.heads);
  const float* from = x.data + batch * x.stride_b + position * x.stride_t + source * x.stride_h;
  float* to = y + static_cast<int>(((batch * h + head) * t + position) * d);
  for (int i = threadIdx.x; i < d; i += blockDim.x) to[i] = from[i * x.stride_d];
}

void copies_of_32_bits(HeadsView<const float> x, float* y, int b, int t, int h, int d, cudaStream_t stream) {
  copies_of_32_bits_kernel<<<dim3(t, h, b), 32, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RepeatKvForward, copies_of_32_bits, copies_of_32_bits);

}  // namespace
}  // namespace wb
