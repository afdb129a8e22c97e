// Rung 2: wgmma on tiles that TMA loads; one warpgroup issues the loads, two or three multiply.
//
// Idea: a warpgroup multiplies 64 queries by 128 keys directly from shared memory. The weights stay in its
// registers: wgmma can read a left factor from registers. Keys and values arrive by TMA into a ring of
// stages; for V the hardware transposes the tile (MN-major). TMA reads heads with any strides and fills
// elements past T or D with zeros. Blocks of a band of heads run together, so that the L2 cache holds their
// keys and values.
//
// Limited before: mma.sync, and 8 warps that each read every tile of shared memory.
//
// Limits now: the products of a warpgroup wait for its softmax, and its softmax waits for the products. Only
// the other warpgroups fill the gaps, and nothing makes them run at different phases: tensor cores are active
// for 57% of the time at D 128, and for 42% at D 64.
//
// Costs in clarity: two roles, two rings of barriers, and tiles whose layout only the descriptors describe
// (warpgroup_tiles.cuh). D 128: 168 registers (then 24 and 240), 161 KiB of shared memory. D 64: 128
// registers (then 32 and 160), 121 KiB.
//
// Needs: sm_90a
#include "common/core/registry.h"
#include "solutions/ladders/attention_bf16/warpgroup_launch.h"

namespace wb {
namespace attention {
namespace {

// A wide head has twice the sums: two warpgroups then take what three do.
template <int kHead>
using Tiles = WarpgroupTiles<kHead, kHead == 128 ? 2 : 3, kHead == 128 ? 2 : 3>;

template <class Tiles, bool kCausal>
__device__ void consume(const WarpgroupPass& pass, Tiles& shared, const QueryTile& tile, int consumer) {
  const int thread = static_cast<int>(threadIdx.x) % 128, t = pass.shape.t;
  const int first_row = tile.first_query + consumer * 64,
            row = first_row + thread / 32 * 16 + thread % 32 / 4;
  const int all_see = kCausal ? min(first_row + 1, t) : t;  // the keys before
  const std::uint64_t q = hopper::tile_descriptor(shared.q[0][consumer * 64]);
  SoftmaxRows<Tiles::kKeys, false> softmax;
  float s[Tiles::kKeys / 2], sums[Tiles::kHead / 2] = {};
  Weights<Tiles::kKeys> weights;
  hopper::RingPosition at;
  hopper::wait(&shared.q_full, 0);
  for (int step = tile.steps - 1; step >= 0; --step) {
    hopper::wait(&shared.k_full[at.stage], at.parity);
    begin_scores<Tiles>(s, q, shared.k[at.stage]);
    hopper::wait_for_products<0>();
    hopper::hold(s);
    if (thread == 0) hopper::arrive(&shared.k_empty[at.stage]);
    if ((step + 1) * Tiles::kKeys > all_see) softmax.template mask<kCausal>(s, step * Tiles::kKeys, row, t);
    softmax.update(s, pass.shape.scale * kLog2E);
    softmax.correct(sums);
    weights.round(s);
    hopper::wait(&shared.v_full[at.stage], at.parity);
    begin_values<Tiles>(sums, weights, shared.v[at.stage]);
    hopper::wait_for_products<0>();
    hopper::hold(sums);
    if (thread == 0) hopper::arrive(&shared.v_empty[at.stage]);
    at.advance<Tiles::kStages>();
  }
  finish<Tiles>(pass, shared.q, tile, consumer, sums, softmax);
  leave_stores();
}

template <class Tiles, bool kCausal>
__global__ void __launch_bounds__(Tiles::kThreads, 1)
    wgmma_attention_kernel(const __grid_constant__ WarpgroupPass pass) {
  Tiles& shared = Tiles::in_shared_memory();
  if (threadIdx.x == 0) shared.init();
  __syncthreads();
  const QueryTile tile = query_tile<Tiles, kCausal>(pass, static_cast<int>(blockIdx.x));
  if (threadIdx.x < 128) {
    hopper::give_registers<Tiles::kProducerRegisters>();
    if (threadIdx.x == 0) Producer<Tiles>{pass, shared}.load_all(tile);
  } else {
    hopper::take_registers<Tiles::kConsumerRegisters>();
    consume<Tiles, kCausal>(pass, shared, tile, static_cast<int>(threadIdx.x) / 128 - 1);
  }
}

void forward_wgmma_attention(In q, In k, In v, Out out, float* saved, const AttentionShape& shape,
                             cudaStream_t stream) {
  const Pass pass{q, k, v, out, saved, shape};
  check(pass);
  if (!suits_warpgroups(pass)) return mma_attention(pass, stream);
  with_tile_head(shape.d, [&](auto head) {
    using T = Tiles<decltype(head)::value>;
    constexpr int kBytes = sizeof(T) + T::kSlack;
    const auto kernel = shape.causal ? wgmma_attention_kernel<T, true> : wgmma_attention_kernel<T, false>;
    allow_shared_memory(kernel, kBytes);
    const auto blocks = static_cast<unsigned>(block_count<T>(shape));
    kernel<<<blocks, T::kThreads, kBytes, stream>>>(warpgroup_pass<T>(pass));
  });
  WB_CHECK_LAUNCH();
}

}  // namespace
}  // namespace attention

WB_REGISTER(AttentionMemoryUseBf16, wgmma_attention, attention::memory_use);
WB_REGISTER(AttentionArithmeticBf16, wgmma_attention, attention::arithmetic);
WB_REGISTER(AttentionForwardBf16, wgmma_attention, attention::forward_wgmma_attention);

}  // namespace wb
