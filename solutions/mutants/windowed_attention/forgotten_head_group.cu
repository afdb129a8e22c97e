// Mistake: dk and dv take the first query head of a group, and forget the others.
// Caught as: one query head of the group
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct FirstHead : Rules {
  // Says of all but the first head of a group that they read no key head at all.
  __device__ static int kv_head(int h, const WindowedAttentionShape& shape) {
    const int group = shape.h / shape.kv;
    return h % group == 0 ? h / group : -1;
  }
};

__global__ void forgotten_head_group_query_kernel(Backward a) {
  differentiate_query<Rules>(a, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

__global__ void forgotten_head_group_key_kernel(Backward a) {
  differentiate_key<FirstHead>(a, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void forgotten_head_group(const float* dout, const float* q, const float* k, const float* v,
                          const BlendedRope& rope, const float* out, const float* lse, float* dq, float* dk,
                          float* dv, float* delta, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Backward a{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, shape};
  forgotten_head_group_query_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  forgotten_head_group_key_kernel<<<(shape.b * shape.kv * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionBackward, forgotten_head_group, forgotten_head_group);

}  // namespace
}  // namespace wb
