// Mistake: a tile of scores is all near, or all far, when its first pair is.
// Caught as: a tile of 32 is judged by its first pair
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    constexpr int kTile = 32;
    const float corner = Rules::far_weight(i / kTile * kTile, j / kTile * kTile, rope);
    return corner == 0.0f || corner == 1.0f ? corner : Rules::far_weight(i, j, rope);
  }
};

__global__ void tile_by_corner_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void tile_by_corner(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out,
                    float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  tile_by_corner_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, tile_by_corner, tile_by_corner);

}  // namespace
}  // namespace wb
