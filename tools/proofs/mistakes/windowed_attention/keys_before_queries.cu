// Mistake: the kernel that reads delta is launched before the one that stores it.
// First screen: never written
#include "06_flash_attention/windowed_attention_check.h"
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

using namespace windowed_rows;

constexpr int kThreads = 64;

__global__ void query_kernel(Backward arguments) {
  differentiate_query<Rules>(arguments, static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x);
}

__global__ void keys_before_queries_kernel(Backward arguments) {
  differentiate_key<Rules>(arguments, static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x);
}

int blocks_for(int rows) {
  return (rows - 1) / kThreads + 1;
}

void launch(const float* dout, const float* q, const float* k, const float* v, const BlendedRope& rope,
            const float* out, const float* lse, float* dq, float* dk, float* dv, float* delta,
            const WindowedAttentionShape& shape, cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  check_windowed_attention_gradients(dout, dq, dk, dv, delta);
  const Backward arguments{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, shape};
  keys_before_queries_kernel<<<blocks_for(shape.b * shape.kv * shape.t), kThreads, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
  query_kernel<<<blocks_for(windowed_attention_rows(shape)), kThreads, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionBackward, keys_before_queries, launch);

}  // namespace
}  // namespace wb::mistake
