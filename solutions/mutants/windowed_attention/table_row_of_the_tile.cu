// Mistake: rows are rotated by the angles of their place in the tile, of 16 queries or 32 keys.
// Caught as: the angles of their place in the tile
#include "06_flash_attention/windowed_attention_rows.cuh"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

using namespace windowed_rows;

__global__ void table_row_of_the_tile_kernel(Forward a) {
  constexpr int kQueries = 16, kKeys = 32;
  const WindowedAttentionShape& shape = a.shape;
  const std::int64_t row = blockIdx.x * static_cast<std::int64_t>(blockDim.x) + threadIdx.x;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * shape.t) return;
  const int i = static_cast<int>(row % shape.t);
  const int h = static_cast<int>(row / shape.t % shape.h);
  const int b = static_cast<int>(row / shape.t / shape.h);
  const std::int64_t query = row_start(shape, shape.h, b, i, h);
  float sum[kMaxWindowedHeadWidth] = {};
  float weights = 0.0f, max = -INFINITY;
  for (int j = 0; j < (shape.causal ? i + 1 : shape.t); ++j) {
    const std::int64_t key = row_start(shape, shape.kv, b, j, Rules::kv_head(h, shape));
    const float score = shape.scale * blended_product(a.q + query, a.k + key, i % kQueries, j % kKeys,
                                                      Rules::far_weight(i, j, a.rope), a.rope, shape.d);
    const float correction = expf(max - fmaxf(max, score));
    max = fmaxf(max, score);
    const float weight = expf(score - max);
    weights = weights * correction + weight;
    for (int c = 0; c < shape.d; ++c) sum[c] = sum[c] * correction + weight * a.v[key + c];
  }
  for (int c = 0; c < shape.d; ++c) a.out[query + c] = sum[c] / weights;
  a.lse[row] = max + logf(weights);
}

void table_row_of_the_tile(const float* q, const float* k, const float* v, const BlendedRope& rope,
                           float* out, float* lse, const WindowedAttentionShape& shape, cudaStream_t stream) {
  const Forward arguments{q, k, v, rope, out, lse, shape};
  table_row_of_the_tile_kernel<<<(shape.b * shape.h * shape.t - 1) / 64 + 1, 64, 0, stream>>>(arguments);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(WindowedAttentionForward, table_row_of_the_tile, table_row_of_the_tile);

}  // namespace
}  // namespace wb
