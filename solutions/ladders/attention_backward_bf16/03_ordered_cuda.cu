// Rung 3: the same bits on every call. Parts of dQ are added in one order.
//
// Idea: a counter per part of dQ says how many blocks have added to it. A block waits for its turn, adds,
// waits until the sum has arrived in global memory, and counts on. The first one stores in place of adding,
// so nothing needs to be cleared before. When causal, the order follows the time at which blocks come anyway:
// the tile of the last keys begins with the first query that sees them, and the block before it comes to the
// same queries some steps later. So blocks are started from the last keys to the first, and hardly wait. A
// block draws its number when it starts, and waits only for smaller numbers: those run already, so no order
// of starting can lock. It differs from rung 2 in kOrdered (wgmma_work.cuh, add_dq in wgmma_pass.cuh).
//
// Limited before: what rung 2 is limited by; and it broke the contract, which wants the same bits.
//
// Limits now: not measured. A prototype with the same turns, but in the order in which blocks wait for their
// neighbours, was 16% slower than rung 2 at D 128; this order is expected to cost less.
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
