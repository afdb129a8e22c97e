// Mistake: the shared tile of keys has half of the rows that it is indexed with.
// First screen: k_tile
#include "tools/proofs/mistakes/attention/attention.cuh"

namespace wb::mistake {
namespace {

__global__ void half_a_tile_kernel(HeadsView<const float> q,  // (B, T, H, D)
                                   HeadsView<const float> k,  // (B, T, K, D)
                                   HeadsView<const float> v,  // (B, T, K, D)
                                   HeadsView<float> out,      // (B, T, H, D)
                                   float* lse,                // (B, H, T)
                                   AttentionShape shape) {
  __shared__ float k_tile[kTile / 2][kMaxHeadWidth];
  Query query(q, k, v, shape);
  for (int first = 0; first < shape.t; first += kTile) {
    __syncthreads();
    for (int i = threadIdx.x; i < kTile * shape.d; i += kThreads) {
      const int row = i / shape.d, c = i % shape.d;
      k_tile[row][c] = query.key(first + row, c);
    }
    __syncthreads();
    for (int s = 0; s < kTile && query.exists(); ++s) {
      float score = 0.0f;
      for (int c = 0; c < shape.d; ++c) score += query.q.at(query.t, c) * k_tile[s][c];
      if (query.sees(first + s)) query.take(first + s, score * shape.scale);
    }
  }
  if (query.exists()) query.store(out, lse);
}

void launch(HeadsView<const float> q, HeadsView<const float> k, HeadsView<const float> v,
            HeadsView<float> out, float* saved, const AttentionShape& shape, cudaStream_t stream) {
  attention_check_forward(q, k, v, out, saved, shape);
  half_a_tile_kernel<<<attention_grid(shape), kThreads, 0, stream>>>(q, k, v, out, saved, shape);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(AttentionMemoryUse, half_a_tile, attention_memory);
WB_REGISTER(AttentionForward, half_a_tile, launch);

}  // namespace
}  // namespace wb::mistake
