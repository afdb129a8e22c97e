// Mistake: the band begins at distance window, whose weight is still 0.
// Caught as: the window ends one too early
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    const float beyond = static_cast<float>(abs(i - j) - rope.window + 1);
    return fminf(fmaxf(beyond / static_cast<float>(max(rope.band, 1)), 0.0f), 1.0f);
  }
};

__global__ void window_off_by_one_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void window_off_by_one(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out,
                       float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  window_off_by_one_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, window_off_by_one, window_off_by_one);

}  // namespace
}  // namespace wb
