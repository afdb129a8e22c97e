// Rung 5: one warpgroup loads, two multiply, and they synchronize only at the barriers of the ring.
//
// Idea: the producer waits for an empty buffer and starts the TMA copies of the next tiles. The consumers
// wait for a full buffer, start their products, and release the previous buffer as soon as its products are
// done. No barrier makes all threads wait for each other. The producer needs few registers, so the consumers
// get more (setmaxnreg): a tile of (128, 256), 128 sums per thread. A byte from the L2 cache now serves a
// third more products.
//
// Limited before: the tensor cores idled at each step's barrier, and 61 million sectors came from the L2
// cache; now 48 million.
//
// Limits now: only one block fits on a multiprocessor; while it starts and while it writes C, the tensor
// cores are idle. Also, blocks in the order of rows share little in the L2 cache: at 8192 the rung loses half
// of its lead.
//
// Costs in clarity: two roles in one kernel, and a second set of barriers. 168 registers (then 40 and 232),
// 193 KiB of shared memory.
//
// Needs: sm_90a
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/wgmma_tiles.cuh"

namespace wb {
namespace {

constexpr int kTileM = 128;    // rows of C that a block owns
constexpr int kTileN = 256;    // columns
constexpr int kConsumers = 2;  // warpgroups
constexpr int kThreads = 128 * (1 + kConsumers);
constexpr int kStages = 4;

template <MatmulLayout kLayout>
using Tiles = WgmmaTiles<kLayout, kTileM, kTileN>;
constexpr int kSharedBytes = kStages * Tiles<MatmulLayout::kNN>::kStageBytes + kAlignSlack;

template <MatmulLayout kLayout, class Out>
__global__ void __launch_bounds__(kThreads, 1)
    producer_consumer_kernel(const __grid_constant__ CUtensorMap a_map,
                             const __grid_constant__ CUtensorMap b_map, int k, Result<Out> result) {
  unsigned char* stages = aligned_shared_memory();  // (kStages, kStageBytes)
  __shared__ std::uint64_t full[kStages];
  __shared__ std::uint64_t empty[kStages];
  const int tiles_across = (result.n + kTileN - 1) / kTileN;
  const int row = static_cast<int>(blockIdx.x) / tiles_across * kTileM;
  const int column = static_cast<int>(blockIdx.x) % tiles_across * kTileN;
  const int steps = (k + kDepth - 1) / kDepth;
  if (threadIdx.x == 0) {
    for (std::uint64_t& barrier : full) hopper::init_barrier(&barrier, 1);
    for (std::uint64_t& barrier : empty) hopper::init_barrier(&barrier, kConsumers);
    hopper::publish_barriers();
  }
  __syncthreads();

  hopper::RingPosition at;
  if (threadIdx.x < 128) {
    // The producer: one thread of its warpgroup.
    hopper::give_registers<40>();
    if (threadIdx.x != 0) return;
    for (int step = 0; step < steps; ++step) {
      unsigned char* tiles = stages + at.stage * Tiles<kLayout>::kStageBytes;
      hopper::wait(&empty[at.stage], at.parity ^ 1);  // the first round finds every buffer empty
      hopper::arrive_expecting(&full[at.stage], Tiles<kLayout>::kStageBytes);
      Tiles<kLayout>::load_a(&a_map, tiles, &full[at.stage], row, step * kDepth);
      Tiles<kLayout>::load_b(&b_map, tiles, &full[at.stage], column, step * kDepth);
      at.advance<kStages>();
    }
    return;
  }
  hopper::take_registers<232>();
  const int consumer = static_cast<int>(threadIdx.x) / 128 - 1;
  float sums[kTileN / 2];
  int previous = 0;
  for (int step = 0; step < steps; ++step) {
    hopper::wait(&full[at.stage], at.parity);
    Tiles<kLayout>::multiply_stage(sums, stages + at.stage * Tiles<kLayout>::kStageBytes, consumer,
                                   step == 0);
    // The products of this step run on; those of the step before are done, and its buffer is free.
    hopper::wait_for_products<1>();
    if (step > 0 && threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
    previous = at.stage;
    at.advance<kStages>();
  }
  hopper::wait_for_products<0>();
  hopper::hold(sums);
  Tiles<kLayout>::store(result, sums, row + consumer * 64, column);
}

template <class Out>
void producer_consumer(MatmulLayout layout, const bf16* a, const bf16* b, Out* c, int m, int n, int k,
                       float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  for_layout(layout, [&](auto constant) {
    constexpr MatmulLayout kLayout = constant.value;
    const PaddedOperand a_padded(a, is_mn_major_a(kLayout) ? k : m, is_mn_major_a(kLayout) ? m : k, stream);
    const PaddedOperand b_padded(b, is_mn_major_b(kLayout) ? k : n, is_mn_major_b(kLayout) ? n : k, stream);
    const auto kernel = producer_consumer_kernel<kLayout, Out>;
    allow_shared_memory(kernel, kSharedBytes);
    kernel<<<tile_count(m, n, kTileM, kTileN), kThreads, kSharedBytes, stream>>>(
        Tiles<kLayout>::map_a(a_padded), Tiles<kLayout>::map_b(b_padded), k,
        Result<Out>{c, m, n, alpha, beta});
    WB_CHECK_LAUNCH();
  });
}

}  // namespace

WB_REGISTER(MatmulBf16, producer_consumer, producer_consumer);
WB_REGISTER(MatmulBf16ToFloat, producer_consumer, producer_consumer);

}  // namespace wb
