// Rung 2: five products instead of seven, by warpgroups on tiles that TMA loads.
//
// Idea: one pass for all three gradients. A block owns 128 keys and loops over the queries; scores and dP are
// computed once. P^T and dS^T stay in registers as the left factors of dV and dK, as in rung 1, but the
// products are wgmma: the right factors are read from shared memory by the tensor cores themselves. dS goes
// through shared memory too, since the sum over keys for dQ needs all of a block's keys; each block adds its
// part of dQ to sums in fp32 in global memory, with TMA (cp.reduce.async.bulk: the L2 cache adds). A kernel
// before this one computes delta and clears the sums, and one after it rounds them to bf16. While the
// exponentials of S are computed, dP is multiplied; while dS is computed, dV. (wgmma_pass.cuh)
//
// Limited before: 7 products instead of 5, and shared memory: a warp read a whole tile for its 16 rows.
//
// Limits now: shared memory reaches 68% of its peak and the tensor cores 64% (D 128; at D 64 60% and 52%).
// The rest is time spent waiting between the products of a step.
//
// Costs in clarity: two warpgroups, a producer, threads that add; sums in the layout of accumulators. Parts
// of dQ are added in the order in which blocks finish, so its last bits differ from call to call. The next
// rung changes this. 168 registers, of which consumers take 240 and the others keep 24; 195 KiB of shared
// memory.
//
// Needs: sm_90a
#include "common/core/registry.h"
#include "solutions/ladders/attention_backward_bf16/wgmma_launch.cuh"

namespace wb {

using namespace attention_backward;
WB_REGISTER(AttentionMemoryUseBf16, wgmma, memory_wgmma);
WB_REGISTER(AttentionArithmeticBf16, wgmma, arithmetic_wgmma<false>);
WB_REGISTER(AttentionBackwardBf16, wgmma, backward_wgmma<false>);

}  // namespace wb
