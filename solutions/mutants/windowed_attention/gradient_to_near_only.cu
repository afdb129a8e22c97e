// Mistake: dS is not split by the weights: the near encoding gets all of it.
// Caught as: all of dS went to the near encoding
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

struct NearOnly : Rules {
  __device__ static float gradient_weight(int, int, const BlendedRope&) { return 0.0f; }
};

__global__ void gradient_to_near_only_query_kernel(Backward a) {
  differentiate_query<NearOnly>(a, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

__global__ void gradient_to_near_only_key_kernel(Backward a) {
  differentiate_key<NearOnly>(a, blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x);
}

void gradient_to_near_only(const float* dout, const float* q, const float* k, const float* v,
                           const BlendedRope& rope, const float* out, const float* lse, float* dq, float* dk,
                           float* dv, float* delta, const WindowedAttentionShape& shape,
                           cudaStream_t stream) {
  const Backward a{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, shape};
  gradient_to_near_only_query_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  gradient_to_near_only_key_kernel<<<(shape.b * shape.kv * shape.t - 1) / 64 + 1, 64, 0, stream>>>(a);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionBackward, gradient_to_near_only, gradient_to_near_only);

}  // namespace
}  // namespace wb
