// Rung 5, bf16: the row stays in registers as bf16, and an exponential takes few instructions.
// Needs: sm_90
//
// Idea: in bf16 a row has half the bytes and as many exponentials. Rung 4 held its exponentials as floats: of
// 32768 columns a block fills the registers of a multiprocessor. As bf16 they take half the registers, two
// blocks fit, and one loads while the other computes. The exponentials are then computed twice, for the sum
// and for the result, so each is only a multiply-add and a power of two (short_exponentials.cuh), as in the
// loss of a token (token_loss_bf16).
//
// Limited before: at 32768 columns one block per multiprocessor, and about 20 instructions per element.
// Limits now: memory from 8192 columns on: 95 to 98% of a copy (H200). At 1024 columns, 71%, the barrier, and
// blocks of 64 threads with two loads each.
// Uses: 31 to 56 registers, 32 to 256 bytes of shared memory.
// Costs in clarity: exponentials with base 2, and a factor that corrects their rounding.
#include "03_softmax/softmax.h"
#include "03_softmax/softmax_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/softmax_forward/short_launch.cuh"

namespace wb {
namespace {

void softmax_short_exponentials(const bf16* x, bf16* y, int rows, int columns, cudaStream_t stream) {
  check_softmax_forward(x, y, rows, columns);
  const bool wide = rows_fit_pack<8>(columns, x, y);
  if (!ladder::launch_short_softmax(x, y, rows, columns, wide, stream)) {
    ladder::softmax_walked_kernel<bf16>(wide)<<<rows, ladder::kWalkingThreads, 0, stream>>>(x, y, columns);
  }
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SoftmaxForwardBf16, short_exponentials, softmax_short_exponentials);

}  // namespace wb
