// Mistake: the weight is the straight line of the band, at every distance.
// Caught as: the weight is not clamped
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    const float beyond = static_cast<float>(abs(i - j) - rope.window);
    return beyond / static_cast<float>(max(rope.band, 1));
  }
};

__global__ void not_clamped_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void not_clamped(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out,
                 float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  not_clamped_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, not_clamped, not_clamped);

}  // namespace
}  // namespace wb
