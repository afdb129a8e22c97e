// Mistake: dx is added to: the gradient of an activation is overwritten, and what was there may be anything.
// Caught as: NaN
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Block (position, head of K, batch).
__global__ void gradient_accumulated_kernel(const float* dy,      // (B, H, T, D)
                                            HeadsView<float> dx,  // (B, T, K, D)
                                            int t, int h, int d) {
  const std::int64_t position = blockIdx.x, head = blockIdx.y, batch = blockIdx.z, group = h / dx.heads;
  float* to = dx.data + batch * dx.stride_b + position * dx.stride_t + head * dx.stride_h;
  for (int i = threadIdx.x; i < d; i += blockDim.x) {
    float sum = 0.0f;
    for (int copy = 0; copy < group; ++copy) {
      sum += dy[((batch * h + head * group + copy) * t + position) * d + i];
    }
    to[i * dx.stride_d] += sum;
  }
}

void gradient_accumulated(const float* dy, HeadsView<float> dx, int b, int t, int h, int d,
                          cudaStream_t stream) {
  gradient_accumulated_kernel<<<dim3(t, dx.heads, b), 32, 0, stream>>>(dy, dx, t, h, d);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RepeatKvBackward, gradient_accumulated, gradient_accumulated);

}  // namespace
}  // namespace wb
