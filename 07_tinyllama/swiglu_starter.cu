// Your turn: SwiGLU and its gradient. README.md is the lesson; hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 07 swiglu
//
// You write two kernels, both element by element: thread i of the grid owns element i. You do not write the
// products: `matmul` is that of chapter 02, and every launcher that needs a product receives it. You write
// the calls.
#include <cstdint>

#include "07_tinyllama/swiglu.h"
#include "07_tinyllama/swiglu_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

unsigned blocks_for(std::int64_t size) {
  const std::int64_t blocks = (size + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, blocks);
  return static_cast<unsigned>(blocks);
}

// ---- out = silu(gate) * up ----

__global__ void silu_multiply_kernel(const float* gate,  // (size)
                                     const float* up,    // (size)
                                     float* out,         // (size)
                                     std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  // TODO 1: out = silu(gate) * up, silu(z) = z / (1 + exp(-z)). Write it so that no z makes it NaN.
}

void silu_multiply_starter(const float* gate, const float* up, float* out, std::int64_t size,
                           cudaStream_t stream) {
  require_silu_multiply(gate, up, out, size);
  silu_multiply_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

// matmul(layout, a, b, c, m, n, k, alpha, beta, stream): c = alpha * op(a) op(b) + beta * c, c (m, n).
// kNN: a (m, k), b (k, n).    kNT: b is stored (n, k).    kTN: a is stored (k, m).
void swiglu_forward_starter(const float* x, const float* w_gate, const float* w_up, float* gate, float* up,
                            float* out, int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  // TODO 2: gate = x w_gate^T and up = x w_up^T by matmul; then out by your kernel.
}

// ---- Backward ----

__global__ void silu_multiply_backward_kernel(const float* dout,  // (size)
                                              const float* gate,  // (size)
                                              const float* up,    // (size)
                                              float* dgate,       // (size)
                                              float* dup,         // (size)
                                              std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  // TODO 3: dup = dout * silu(gate). silu(gate) was not stored: compute it again.
  // TODO 4: dgate = dout * up * silu'(gate). The product rule on z * sigmoid(z) has two terms.
}

void silu_multiply_backward_starter(const float* dout, const float* gate, const float* up, float* dgate,
                                    float* dup, std::int64_t size, cudaStream_t stream) {
  require_silu_multiply_backward(dout, gate, up, dgate, dup, size);
  silu_multiply_backward_kernel<<<blocks_for(size), kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
}

void swiglu_backward_starter(const float* dout, const float* x, const float* w_gate, const float* w_up,
                             const float* gate, const float* up, float* dgate, float* dup, float* dx,
                             float* dw_gate, float* dw_up, int n, int c, int f, Matmul::Function* matmul,
                             cudaStream_t stream) {
  require_swiglu_backward(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul);
  silu_multiply_backward_starter(dout, gate, up, dgate, dup, static_cast<std::int64_t>(n) * f, stream);
  // TODO 5: dx = dgate w_gate + dup w_up, (N, C): two products into one output.
  // TODO 6: dw_gate += dgate^T x and dw_up += dup^T x, (F, C). Gradients of parameters accumulate.
}

}  // namespace

WB_REGISTER(SiluMultiply, starter, silu_multiply_starter);
WB_REGISTER(SiluMultiplyBackward, starter, silu_multiply_backward_starter);
WB_REGISTER(SwigluForward, starter, swiglu_forward_starter);
WB_REGISTER(SwigluBackward, starter, swiglu_backward_starter);

}  // namespace wb
