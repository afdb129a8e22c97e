// Rung 3: the same bits on every call. Parts of dQ are added in one order.
//
// Idea: a counter per part of dQ says how many blocks have added to it. A block waits for its turn, adds,
// waits until the sum has arrived in global memory, and increments the counter. The first block stores
// instead of adding, so nothing has to be cleared first. A block takes a number when it starts, and waits
// only for smaller numbers. Those blocks already run, so no order of starts can cause a deadlock.
//
// For causal attention, the order of starts determines how long blocks wait. In a band of heads whose blocks
// start together, those of the last keys add first: such a block begins with the first queries that see its
// keys, and the block of the preceding keys reaches the same queries some steps later. However, these blocks
// are the shortest, and the longest blocks would run alone at the end of the kernel. In every second band,
// therefore, the blocks of the first keys start first and add first: a long block then follows a short block
// of the previous band on the same multiprocessor. (This is not done if all blocks start at once: then only
// those of the last keys would wait.) It differs from rung 2 in kOrdered (wgmma_work.cuh, add_dq in
// wgmma_pass.cuh).
//
// Limited before: as rung 2, which also broke the contract: the contract requires the same bits on every
// call.
//
// Limits now: as rung 2, and the latency of storing each part of dQ to global memory before the next block
// may add: the tensor cores go from 64% to 55% of their peak at D 128, and from 52% to 48% at D 64.
//
// Costs in clarity: fences between TMA's accesses and those of the threads. Full attention has no natural
// order: there every block waits for its neighbor once.
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
