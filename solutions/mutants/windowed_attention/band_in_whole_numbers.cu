// Mistake: the distance beyond the window is divided by the band as whole numbers: 0 until the band ends.
// Caught as: a division of whole numbers
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static float far_weight(int i, int j, const BlendedRope& rope) {
    return static_cast<float>(min(max((abs(i - j) - rope.window) / max(rope.band, 1), 0), 1));
  }
};

__global__ void band_in_whole_numbers_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void band_in_whole_numbers(const float* q, const float* k, const float* v, const BlendedRope& rope,
                           float* out, float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  band_in_whole_numbers_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, band_in_whole_numbers, band_in_whole_numbers);

}  // namespace
}  // namespace wb
