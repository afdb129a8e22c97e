// Mistake: the distance is i - j, below 0 for keys after the query.
// Caught as: the distance has a sign
// Inspected in: WindowedAttentionForwardTest.MatchesOracle
// Inspected as: index_overflow, line: i - j - rope.window
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    const float beyond = static_cast<float>(i - j - rope.window);
    return fminf(fmaxf(beyond / static_cast<float>(max(rope.band, 1)), 0.0f), 1.0f);
  }
};

__global__ void signed_distance_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void signed_distance(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out,
                     float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  signed_distance_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, signed_distance, signed_distance);

}  // namespace
}  // namespace wb
