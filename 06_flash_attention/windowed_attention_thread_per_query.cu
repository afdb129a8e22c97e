// Windowed attention with one thread per query or key: the formula as a loop over distances.
//
// It has no tile, no barrier and no shared memory. It is the simplest form of the operation, and a check of
// the fast kernel, because it computes the result in another way: it blends the angles of each distance
// instead of two products (windowed_attention_rows.cuh explains this).
//
// Grid: 64 queries or keys per block. FLOPs: forward 8 B H T^2 D, backward 26 B H T^2 D, half of it when
// causal. Bytes: k, v and the tables once per query, from cache. Sums of up to 128 features per thread are in
// local memory. Next: windowed_attention_solution.cu.
#include "06_flash_attention/windowed_attention_check.h"
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

constexpr int kThreads = 64;

__device__ std::int64_t row_of_thread() {
  return static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
}

__global__ void windowed_rows_forward_kernel(Forward arguments) {
  attend<Rules>(arguments, row_of_thread());
}

__global__ void windowed_rows_query_kernel(Backward arguments) {
  differentiate_query<Rules>(arguments, row_of_thread());
}

__global__ void windowed_rows_key_kernel(Backward arguments) {
  differentiate_key<Rules>(arguments, row_of_thread());
}

int blocks_for(int rows) {
  return (rows - 1) / kThreads + 1;
}

void windowed_attention_forward_thread_per_query(const float* q, const float* k, const float* v,
                                                 const BlendedRope& rope, float* out, float* lse,
                                                 const WindowedAttentionShape& shape, cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  const Forward arguments{q, k, v, rope, out, lse, shape};
  windowed_rows_forward_kernel<<<blocks_for(windowed_attention_rows(shape)), kThreads, 0, stream>>>(
      arguments);
  WB_CHECK_LAUNCH();
}

void windowed_attention_backward_thread_per_query(const float* dout, const float* q, const float* k,
                                                  const float* v, const BlendedRope& rope, const float* out,
                                                  const float* lse, float* dq, float* dk, float* dv,
                                                  float* delta, const WindowedAttentionShape& shape,
                                                  cudaStream_t stream) {
  check_windowed_attention_forward(q, k, v, rope, out, lse, shape);
  check_windowed_attention_gradients(dout, dq, dk, dv, delta);
  const Backward arguments{dout, q, k, v, rope, out, lse, dq, dk, dv, delta, shape};
  windowed_rows_query_kernel<<<blocks_for(windowed_attention_rows(shape)), kThreads, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
  windowed_rows_key_kernel<<<blocks_for(shape.b * shape.kv * shape.t), kThreads, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(WindowedAttentionForward, thread_per_query, windowed_attention_forward_thread_per_query);
WB_REGISTER(WindowedAttentionBackward, thread_per_query, windowed_attention_backward_thread_per_query);

}  // namespace wb
