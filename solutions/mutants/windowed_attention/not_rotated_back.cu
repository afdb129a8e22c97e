// Mistake: dq is the gradient of the rotated query: the rotation has no backward.
// Caught as: It is not rotated back
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

__global__ void not_rotated_back_query_kernel(Backward a) {
  differentiate_query<Rules>(a, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

__global__ void not_rotated_back_key_kernel(Backward a) {
  differentiate_key<Rules>(a, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

// One thread per row of dq: rotates by the near angles what is rotated back already.
__global__ void not_rotated_back_kernel(Backward a) {
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (row >= static_cast<std::int64_t>(a.shape.b) * a.shape.t * a.shape.h) return;
  const int half = a.shape.d / 2;
  float* x = a.dq + row * a.shape.d;
  const std::int64_t angle = row / a.shape.h % a.shape.t * half;
  for (int c = 0; c < half; ++c) {
    const float first = x[c], cosine = a.rope.near_cosine[angle + c], sine = a.rope.near_sine[angle + c];
    x[c] = first * cosine - x[half + c] * sine;
    x[half + c] = x[half + c] * cosine + first * sine;
  }
}

void not_rotated_back(const float* dout, const float* q, const float* k, const float* v,
                      const BlendedRope& rope, const float* out, const float* lse, float* dq, float* dk,
                      float* dv, float* delta, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Backward a{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, shape};
  not_rotated_back_query_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  not_rotated_back_key_kernel<<<(shape.b * shape.kv * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  not_rotated_back_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionBackward, not_rotated_back, not_rotated_back);

}  // namespace
}  // namespace wb
