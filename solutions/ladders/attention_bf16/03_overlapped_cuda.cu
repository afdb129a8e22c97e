// Rung 3: products overlap the softmax.
//
// Idea: a warpgroup starts the product for the scores of the next tile before the product with the values of
// this tile. While the tensor cores compute the second product, the warpgroup computes the weights of the
// next tile. The warpgroups also take turns: a named barrier lets one after the other issue its two products,
// so that the softmax of one overlaps the products of another (FlashAttention-3, Shah et al., 2024). A
// maximum is kept until a weight would exceed 2^8 (softmax_rows.cuh): the sums are rarely rescaled.
//
// Limited before: tensor cores idle during each softmax that no other warpgroup covers.
//
// Limits now: the start and the end of a block overlap with no other work. At D 128 the tensor cores are
// active for 67% of the time, at D 64 for 43%: a narrow head has half the products per exponential, and its
// blocks are shorter.
//
// Costs in clarity: the loop holds two tiles at a time, one ahead of the other. Registers and shared memory
// as before.
//
// Needs: sm_90a
#include "common/core/registry.h"
#include "solutions/ladders/attention_bf16/overlapped_consumer.cuh"
#include "solutions/ladders/attention_bf16/warpgroup_launch.h"

namespace wb {
namespace attention {
namespace {

template <int kHead>
using Tiles = WarpgroupTiles<kHead, kHead == 128 ? 2 : 3, kHead == 128 ? 2 : 3>;

template <class Tiles, bool kCausal>
__global__ void __launch_bounds__(Tiles::kThreads, 1)
    overlapped_kernel(const __grid_constant__ WarpgroupPass pass) {
  Tiles& shared = Tiles::in_shared_memory();
  if (threadIdx.x == 0) shared.init();
  __syncthreads();
  const QueryTile tile = query_tile<Tiles, kCausal>(pass, static_cast<int>(blockIdx.x));
  if (threadIdx.x < 128) {
    hopper::give_registers<Tiles::kProducerRegisters>();
    if (threadIdx.x == 0) Producer<Tiles>{pass, shared}.load_all(tile);
  } else {
    hopper::take_registers<Tiles::kConsumerRegisters>();
    OverlappedConsumer<Tiles, kCausal> consumer(pass, shared);
    hopper::wait(&shared.q_full, 0);
    consumer.attend(tile, tile.steps, shared.q);
    consumer.leave();
  }
}

}  // namespace

void overlapped(const Pass& pass, cudaStream_t stream) {
  check(pass);
  if (!suits_warpgroups(pass)) return mma_attention(pass, stream);
  with_tile_head(pass.shape.d, [&](auto head) {
    using T = Tiles<decltype(head)::value>;
    constexpr int kBytes = sizeof(T) + T::kSlack;
    const auto kernel = pass.shape.causal ? overlapped_kernel<T, true> : overlapped_kernel<T, false>;
    allow_shared_memory(kernel, kBytes);
    const auto blocks = static_cast<unsigned>(block_count<T>(pass.shape));
    kernel<<<blocks, T::kThreads, kBytes, stream>>>(warpgroup_pass<T>(pass));
  });
  WB_CHECK_LAUNCH();
}

namespace {
void forward_overlapped(In q, In k, In v, Out out, float* saved, const AttentionShape& shape,
                        cudaStream_t stream) {
  overlapped({q, k, v, out, saved, shape}, stream);
}
}  // namespace
}  // namespace attention

WB_REGISTER(AttentionMemoryUseBf16, overlapped, attention::memory_use);
WB_REGISTER(AttentionArithmeticBf16, overlapped, attention::arithmetic);
WB_REGISTER(AttentionForwardBf16, overlapped, attention::forward_overlapped);

}  // namespace wb
