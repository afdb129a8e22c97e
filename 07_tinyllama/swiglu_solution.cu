// SwiGLU, hybrid: the given matrix product for the projections, one fused kernel for silu(gate) * up.
//
// When not to write a kernel: a tuned matrix product exists, and the projections are nothing else. What no
// library has is the gate, and it is bound by bytes, so it gets one kernel: one thread per element of (N, F),
// neighbours in a warp touch neighbouring floats. Forward reads 8 bytes and writes 4 an element; silu and the
// product as two kernels would move 20 (swiglu_unfused.cu). Backward reads 12 and writes 8. silu(gate) is
// computed again in backward: an exponential is cheaper than a load of what forward could have stored. FLOPs:
// 4 N F C forward and 8 N F C backward, all of them in the product.
#include <cstdint>

#include "07_tinyllama/silu.cuh"
#include "07_tinyllama/swiglu_checks.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void silu_mul_kernel(const float* gate,  // (size)
                                const float* up,    // (size)
                                float* out,         // (size)
                                std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) out[i] = silu(gate[i]) * up[i];
}

__global__ void silu_mul_backward_kernel(const float* dout,  // (size)
                                         const float* gate,  // (size)
                                         const float* up,    // (size)
                                         float* dgate,       // (size)
                                         float* dup,         // (size)
                                         std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const float z = gate[i];
  const float dy = dout[i];
  const float s = sigmoid(z);
  dgate[i] = dy * up[i] * s * (1.0f + z * (1.0f - s));
  dup[i] = dy * z * s;
}

void swiglu_forward_solution(const float* x, const float* w_gate, const float* w_up, float* gate, float* up,
                             float* out, int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  matmul(MatmulLayout::kNT, x, w_gate, gate, n, f, c, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNT, x, w_up, up, n, f, c, 1.0f, 0.0f, stream);
  const std::int64_t size = static_cast<std::int64_t>(n) * f;
  const auto blocks = static_cast<unsigned>((size + kThreads - 1) / kThreads);
  silu_mul_kernel<<<blocks, kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

void swiglu_backward_solution(const float* dout, const float* x, const float* w_gate, const float* w_up,
                              const float* gate, const float* up, float* dgate, float* dup, float* dx,
                              float* dw_gate, float* dw_up, int n, int c, int f, Matmul::Function* matmul,
                              cudaStream_t stream) {
  require_swiglu_backward(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul);
  const std::int64_t size = static_cast<std::int64_t>(n) * f;
  const auto blocks = static_cast<unsigned>((size + kThreads - 1) / kThreads);
  silu_mul_backward_kernel<<<blocks, kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
  // dx = dgate w_gate + dup w_up: the second product adds to the first.
  matmul(MatmulLayout::kNN, dgate, w_gate, dx, n, c, f, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNN, dup, w_up, dx, n, c, f, 1.0f, 1.0f, stream);
  matmul(MatmulLayout::kTN, dgate, x, dw_gate, f, c, n, 1.0f, 1.0f, stream);
  matmul(MatmulLayout::kTN, dup, x, dw_up, f, c, n, 1.0f, 1.0f, stream);
}

}  // namespace

WB_REGISTER(SwigluForward, solution, swiglu_forward_solution);
WB_REGISTER(SwigluBackward, solution, swiglu_backward_solution);

}  // namespace wb
