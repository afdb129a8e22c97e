// Mistake: 32 threads copy 32 features; wider heads keep a hole.
// Caught as: never written
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Block (position, head of H, batch).
__global__ void first_warp_of_features_kernel(HeadsView<const float> x,  // (B, T, K, D)
                                              float* y,                  // (B, H, T, D)
                                              int t, int h, int d) {
  const std::int64_t position = blockIdx.x, head = blockIdx.y, batch = blockIdx.z;
  const std::int64_t source = head / (h / x.heads);
  const float* from = x.data + batch * x.stride_b + position * x.stride_t + source * x.stride_h;
  float* to = y + ((batch * h + head) * t + position) * d;
  const int i = threadIdx.x;
  if (i < d) to[i] = from[i * x.stride_d];
}

void first_warp_of_features(HeadsView<const float> x, float* y, int b, int t, int h, int d,
                            cudaStream_t stream) {
  first_warp_of_features_kernel<<<dim3(t, h, b), 32, 0, stream>>>(x, y, t, h, d);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RepeatKvForward, first_warp_of_features, first_warp_of_features);

}  // namespace
}  // namespace wb
