// Mistake: asks for as many bytes of dynamic shared memory as it needs elements.
// First screen: out of bounds.*dynamic shared memory
#include "tools/proofs/mistakes/attention/attention.cuh"

namespace wb::mistake {
namespace {

__global__ void shared_in_elements_kernel(HeadsView<const float> q,  // (B, T, H, D)
                                          HeadsView<const float> k,  // (B, T, K, D)
                                          HeadsView<const float> v,  // (B, T, K, D)
                                          HeadsView<float> out,      // (B, T, H, D)
                                          float* lse,                // (B, H, T)
                                          AttentionShape shape) {
  extern __shared__ float k_tile[];  // (kTile, D)
  Query query(q, k, v, shape);
  for (int first = 0; first < shape.t; first += kTile) {
    __syncthreads();
    for (int i = threadIdx.x; i < kTile * shape.d; i += kThreads) {
      k_tile[i] = query.key(first + i / shape.d, i % shape.d);
    }
    __syncthreads();
    for (int s = 0; s < kTile && query.exists(); ++s) {
      float score = 0.0f;
      for (int c = 0; c < shape.d; ++c) score += query.q.at(query.t, c) * k_tile[s * shape.d + c];
      if (query.sees(first + s)) query.take(first + s, score * shape.scale);
    }
  }
  if (query.exists()) query.store(out, lse);
}

void launch(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
            HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  shared_in_elements_kernel<<<attention_grid(shape), kThreads, kTile * shape.d, stream>>>(q, k, v, out, saved,
                                                                                          shape);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AttentionMemoryUse, shared_in_elements, attention_memory);
WB_REGISTER(AttentionForward, shared_in_elements, launch);

}  // namespace
}  // namespace wb::mistake
