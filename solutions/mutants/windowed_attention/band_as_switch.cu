// Mistake: a hard switch where the window ends, whatever the band.
// Caught as: a hard switch at the window
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    return abs(i - j) > rope.window ? 1.0f : 0.0f;
  }
};

__global__ void band_as_switch_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void band_as_switch(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out,
                    float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  band_as_switch_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, band_as_switch, band_as_switch);

}  // namespace
}  // namespace wb
