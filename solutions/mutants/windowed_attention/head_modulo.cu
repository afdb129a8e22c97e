// Mistake: query head h reads key head h % K: heads of a group are neighbors.
// Caught as: reads key head h % K
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct Mistaken : Rules {
  __device__ static int kv_head(int h, const WindowedAttentionShape& shape) { return h % shape.kv; }
};

__global__ void head_modulo_kernel(Forward arguments) {
  attend<Mistaken>(arguments, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void head_modulo(const float* q, const float* k, const float* v, const BlendedRope& rope, float* out,
                 float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  head_modulo_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, head_modulo, head_modulo);

}  // namespace
}  // namespace wb
