// Decode attention with one block per query head, however long the cache is.
//
// Grid: B H blocks of 512 threads; decode_attention_piece.cuh says what the threads do. One sequence with 8
// heads has 8 blocks, and an H200 has 132 SMs: most of them stay idle, and the time grows with S.
//
// Bytes: 8 B S K D, read by the group's first head from memory, by its others from the L2 cache. FLOPs:
// 4 B H S D. Next: decode_attention_solution.cu divides the tokens among blocks.
#include "06_flash_attention/decode_attention_check.h"
#include "06_flash_attention/decode_attention_piece.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 512;  // many, since there are few blocks

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    block_per_head_kernel(const float* q,                 // (B, H, D)
                          HeadsView<const float> keys,    // (B, S, K, D)
                          HeadsView<const float> values,  // (B, S, K, D)
                          float* out,                     // (B, H, D)
                          DecodeAttentionShape shape, int lanes) {
  const int row = static_cast<int>(blockIdx.x);
  const DecodeHead head = decode_head(q, keys, values, shape, row);
  const DecodePart part = decode_piece<kWidth, kThreads>(head, keys, values, shape, 0, shape.s, lanes);
  const int c = static_cast<int>(threadIdx.x);
  if (c < shape.d) out[static_cast<std::int64_t>(row) * shape.d + c] = part.sum / part.weight;
}

template <int kWidth>
void launch(const float* q, HeadsView<const float> keys, HeadsView<const float> values, float* out,
            const DecodeAttentionShape& shape, cudaStream_t stream) {
  const auto blocks = static_cast<unsigned int>(shape.b * shape.h);  // checked
  block_per_head_kernel<kWidth>
      <<<blocks, kThreads, 0, stream>>>(q, keys, values, out, shape, decode_lanes<kWidth>(shape.d));
  WB_CHECK_LAUNCH();
}

void decode_attention_block_per_head(const float* q, HeadsView<const float> keys,
                                     HeadsView<const float> values, float* out, float* scratch,
                                     const DecodeAttentionShape& shape, cudaStream_t stream) {
  decode_attention_check(q, keys, values, out, scratch, shape);
  const bool packs = view_fits_pack<4>(keys, shape.d) && view_fits_pack<4>(values, shape.d);
  (packs ? launch<4> : launch<1>)(q, keys, values, out, shape, stream);
}

WB_REGISTER(DecodeAttention, block_per_head, decode_attention_block_per_head);

}  // namespace
}  // namespace wb
