// Rung 4: one block per multiprocessor takes one tile of queries after the other. For heads up to 64.
//
// Idea: while the consumers finish a tile, the producer already loads the keys of the next tile, and its
// queries as soon as the last scores have read the old queries. A block therefore waits only for its first
// tile. Each warpgroup skips the tiles of keys that are masked for all of its rows. Tiles of queries are as
// large as the problem allows: 256 rows in four warpgroups of 112 registers, with tiles of 64 keys so that
// they fit; 128 rows, or 64 in a single warpgroup, if large tiles would leave multiprocessors idle.
//
// Limited before: 11 blocks per multiprocessor at B 4, H 32, T 2048, each of which loads its first tiles and
// stores its last ones without overlap; 192 rows per block, even if this leaves multiprocessors idle.
//
// Limits now: neither the tensor cores (42% of the time active), the special function unit (46%) nor issue
// slots (53%): waits between the products of a warpgroup and its softmax.
//
// Wide heads use rung 3. There the hardware's assignment of blocks balances the load better than fixed
// rounds, and keeps keys and values in the L2 cache: with this rung's loop D 128 took 14% more cycles.
//
// Costs in clarity: a second pair of barriers for the queries, a place of its own for out, and the arithmetic
// of rounds (persistent_tiles.cuh). 96 registers (then 24 and 112; 48 bytes spill), 147 KiB of shared memory;
// 128 rows: 168 (24 and 240), 131 KiB; 64 rows: 240 (24 and 240), 115 KiB.
//
// Needs: sm_90a
#include "common/core/registry.h"
#include "solutions/ladders/attention_bf16/persistent_tiles.cuh"
#include "solutions/ladders/attention_bf16/warpgroup_launch.h"

namespace wb {
namespace attention {
namespace {

using Wide = PersistentTiles<64, 4, 5, 64>;     // 256 queries per tile
using Middle = PersistentTiles<64, 2, 3, 128>;  // 128
using Narrow = PersistentTiles<64, 1, 3, 128>;  // 64

template <class Tiles, bool kCausal>
__global__ void __launch_bounds__(Tiles::kThreads, 1)
    persistent_kernel(const __grid_constant__ WarpgroupPass pass) {
  Tiles& shared = Tiles::in_shared_memory();
  if (threadIdx.x == 0) shared.init();
  __syncthreads();
  if (threadIdx.x < 128) {
    hopper::give_registers<Tiles::kProducerRegisters>();
    if (threadIdx.x == 0) load_rounds<Tiles, kCausal>(pass, shared);
  } else {
    hopper::take_registers<Tiles::kConsumerRegisters>();
    attend_rounds<Tiles, kCausal>(pass, shared);
  }
}

template <class Tiles>
void launch(const Pass& pass, cudaStream_t stream) {
  constexpr int kBytes = sizeof(Tiles) + Tiles::kSlack;
  const auto kernel = pass.shape.causal ? persistent_kernel<Tiles, true> : persistent_kernel<Tiles, false>;
  allow_shared_memory(kernel, kBytes);
  const int blocks =
      std::min(block_count<Tiles>(pass.shape), device_attribute(cudaDevAttrMultiProcessorCount));
  kernel<<<static_cast<unsigned>(blocks), Tiles::kThreads, kBytes, stream>>>(warpgroup_pass<Tiles>(pass, 64));
  WB_CHECK_LAUNCH();
}

void forward_persistent(In q, In k, In v, Out out, float* saved, const AttentionShape& shape,
                        cudaStream_t stream) {
  const Pass pass{q, k, v, out, saved, shape};
  check(pass);
  if (shape.d > 64 || !suits_warpgroups(pass)) return overlapped(pass, stream);
  // Small tiles where all of them fit on the chip at once. A causal sequence has long tiles and short ones:
  // two rounds of small tiles are more even than one round of large ones.
  const int places = device_attribute(cudaDevAttrMultiProcessorCount);
  if (block_count<Narrow>(shape) <= places) return launch<Narrow>(pass, stream);
  const bool few = shape.causal ? block_count<Wide>(shape) <= places : block_count<Middle>(shape) <= places;
  if (few) return launch<Middle>(pass, stream);
  launch<Wide>(pass, stream);
}

}  // namespace
}  // namespace attention

WB_REGISTER(AttentionMemoryUseBf16, persistent, attention::memory_use);
WB_REGISTER(AttentionArithmeticBf16, persistent, attention::arithmetic);
WB_REGISTER(AttentionForwardBf16, persistent, attention::forward_persistent);

}  // namespace wb
