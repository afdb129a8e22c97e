// Mistake: the scores are not scaled.
// Caught as: the scores are not scaled
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

using Mistaken = Rules;

__global__ void unscaled_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void unscaled(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out, float* lse,
              const WindowedAttentionShape& shape, cudaStream_t stream) {
  WindowedAttentionShape unscaled = shape;
  unscaled.scale = 1.0f;
  const Forward arguments{q, k, v, rope, out, lse, unscaled};
  unscaled_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, unscaled, unscaled);

}  // namespace
}  // namespace wb
