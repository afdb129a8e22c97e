// Mistake: x is read as if it were contiguous and token-major, whatever its strides say.
// Caught as: Use the view's strides
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Block (position, head of H, batch).
__global__ void strides_ignored_kernel(HeadsView<const float> x,  // (B, T, K, D)
                                       float* y,                  // (B, H, T, D)
                                       int t, int h, int d) {
  const std::int64_t position = blockIdx.x, head = blockIdx.y, batch = blockIdx.z;
  const std::int64_t source = head / (h / x.heads);
  const float* from = x.data + ((batch * t + position) * x.heads + source) * d;
  float* to = y + ((batch * h + head) * t + position) * d;
  for (int i = threadIdx.x; i < d; i += blockDim.x) to[i] = from[i];
}

void strides_ignored(HeadsView<const float> x, float* y, int b, int t, int h, int d, cudaStream_t stream) {
  strides_ignored_kernel<<<dim3(t, h, b), 32, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RepeatKvForward, strides_ignored, strides_ignored);

}  // namespace
}  // namespace wb
