// Mistake: adds the gradients of a group with atomicAdd to memory that nobody has cleared.
// First screen: never written.*added_without_clearing\.cu
#include <cstdint>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/repeat_kv_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 64;

__global__ void added_without_clearing_kernel(const float* dy,      // (B, H, T, D)
                                              HeadsView<float> dx,  // (B, T, K, D)
                                              int t, int h, int d) {
  const int token = static_cast<int>(blockIdx.x), head = static_cast<int>(blockIdx.y);
  const std::int64_t b = blockIdx.z;
  const int kv = head / (h / dx.heads);
  for (int i = static_cast<int>(threadIdx.x); i < d; i += kThreads) {
    atomicAdd(&dx.data[b * dx.stride_b + token * dx.stride_t + kv * dx.stride_h + i * dx.stride_d],
              dy[((b * h + head) * t + token) * d + i]);
  }
}

void launch(const float* dy, HeadsView<float> dx, int b, int t, int h, int d, cudaStream_t stream) {
  check_repeat_kv_backward(dy, dx, b, t, h, d);
  added_without_clearing_kernel<<<dim3(t, h, b), kThreads, 0, stream>>>(dy, dx, t, h, d);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RepeatKvBackward, added_without_clearing, launch);

}  // namespace
}  // namespace wb::mistake
