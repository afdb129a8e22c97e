// Rung 3: the same bits on every call. Parts of dQ are added in one order.
//
// Idea: a counter per part of dQ says how many blocks have added to it. A block waits for its turn, adds,
// waits until the sum has arrived in global memory, and counts on. The first one stores in place of adding,
// so nothing needs to be cleared before. A block draws its number when it starts, and waits only for smaller
// numbers: those run already, so no order of starting can lock.
//
// When causal, the order of starting decides what is waited for. In a band of heads whose blocks start
// together, those of the last keys add first: such a block begins with the first queries that see its keys,
// and the block before it comes to the same queries some steps later. But they are the shortest, and the
// longest would end the kernel alone. So in every second band the first keys start first and add first: a
// long block there follows a short one of the band before, in the same place. (Not where all blocks start at
// once: then only those of the last keys would wait.) It differs from rung 2 in kOrdered (wgmma_work.cuh,
// add_dq in wgmma_pass.cuh).
//
// Limited before: what rung 2 is limited by; and it broke the contract, which wants the same bits.
//
// Limits now: as rung 2, and the way of each part of dQ to global memory and back before the next block may
// add: at D 128 products go from 64% to 55% of what the chip can do, at D 64 from 52% to 48%.
//
// Costs in clarity: fences between TMA's view of memory and everybody else's. Full attention has no such
// order of its own: there every block waits for its neighbour once.
//
// Needs: sm_90a
#include "common/core/registry.h"
#include "solutions/ladders/attention_backward_bf16/wgmma_launch.cuh"

namespace wb {

using namespace attention_backward;
WB_REGISTER(AttentionMemoryUseBf16, ordered, memory_wgmma);
WB_REGISTER(AttentionArithmeticBf16, ordered, arithmetic_wgmma<true>);
WB_REGISTER(AttentionBackwardBf16, ordered, backward_wgmma<true>);

}  // namespace wb
