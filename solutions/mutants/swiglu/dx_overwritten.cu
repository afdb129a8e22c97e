// Mistake: the second product of dx overwrites the first (beta = 0).
// Caught as: the second product overwrites the first
#include "common/core/implementations.h"
#include "solutions/mutants/swiglu/mutated.cuh"

namespace wb {
namespace {

void dx_overwritten(const float* dout, const float* x, const float* w_gate, const float* w_up,
                    const float* gate, const float* up, float* dgate, float* dup, float* dx, float* dw_gate,
                    float* dw_up, int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  find_implementation<SiluMultiplyBackward>("solution")
      .function(dout, gate, up, dgate, dup, static_cast<std::int64_t>(n) * f, stream);
  matmul(MatmulLayout::kNN, dgate, w_gate, dx, n, c, f, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNN, dup, w_up, dx, n, c, f, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kTN, dgate, x, dw_gate, f, c, n, 1.0f, 1.0f, stream);
  matmul(MatmulLayout::kTN, dup, x, dw_up, f, c, n, 1.0f, 1.0f, stream);
}

WB_REGISTER(SwigluBackward, dx_overwritten, dx_overwritten);

}  // namespace
}  // namespace wb
