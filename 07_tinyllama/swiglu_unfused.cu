// SwiGLU as a framework runs it line by line: matrix products, then one kernel
// for silu and one for the product.
//
// Fusion is compared with this version. All kernels have one thread per element. Forward moves 20 bytes per
// element of (N, F), because silu(gate) is written to memory and read again; backward moves 44. The fused
// kernels of swiglu_solution.cu move 12 and 20.
#include <cstdint>

#include "07_tinyllama/silu.cuh"
#include "07_tinyllama/swiglu_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__device__ std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

__global__ void silu_kernel(const float* z,  // (size)
                            float* y,        // (size)
                            std::int64_t size) {
  const std::int64_t i = global_index();
  if (i < size) y[i] = silu(z[i]);
}

// y may be a or b.
__global__ void mul_kernel(const float* a,  // (size)
                           const float* b,  // (size)
                           float* y,        // (size)
                           std::int64_t size) {
  const std::int64_t i = global_index();
  if (i < size) y[i] = a[i] * b[i];
}

// In place: dz holds the gradient of silu(z) and receives that of z.
__global__ void silu_backward_kernel(const float* z,  // (size)
                                     float* dz,       // (size)
                                     std::int64_t size) {
  const std::int64_t i = global_index();
  if (i < size) dz[i] *= silu_slope(z[i]);
}

unsigned blocks_for(std::int64_t size) {
  const std::int64_t blocks = (size + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, blocks);
  return static_cast<unsigned>(blocks);
}

void silu_multiply_unfused(const float* gate, const float* up, float* out, std::int64_t size,
                           cudaStream_t stream) {
  require_silu_multiply(gate, up, out, size);
  silu_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, out, size);
  WB_CHECK_LAUNCH();
  mul_kernel<<<blocks_for(size), kThreads, 0, stream>>>(out, up, out, size);
  WB_CHECK_LAUNCH();
}

void silu_multiply_backward_unfused(const float* dout, const float* gate, const float* up, float* dgate,
                                    float* dup, std::int64_t size, cudaStream_t stream) {
  require_silu_multiply_backward(dout, gate, up, dgate, dup, size);
  // dup = dout * silu(gate).
  silu_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, dup, size);
  WB_CHECK_LAUNCH();
  mul_kernel<<<blocks_for(size), kThreads, 0, stream>>>(dout, dup, dup, size);
  WB_CHECK_LAUNCH();
  // dgate = dout * up * silu'(gate).
  mul_kernel<<<blocks_for(size), kThreads, 0, stream>>>(dout, up, dgate, size);
  WB_CHECK_LAUNCH();
  silu_backward_kernel<<<blocks_for(size), kThreads, 0, stream>>>(gate, dgate, size);
  WB_CHECK_LAUNCH();
}

void swiglu_forward_unfused(const float* x, const float* w_gate, const float* w_up, float* gate, float* up,
                            float* out, int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  matmul(MatmulLayout::kNT, x, w_gate, gate, n, f, c, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNT, x, w_up, up, n, f, c, 1.0f, 0.0f, stream);
  silu_multiply_unfused(gate, up, out, static_cast<std::int64_t>(n) * f, stream);
}

void swiglu_backward_unfused(const float* dout, const float* x, const float* w_gate, const float* w_up,
                             const float* gate, const float* up, float* dgate, float* dup, float* dx,
                             float* dw_gate, float* dw_up, int n, int c, int f, Matmul::Function* matmul,
                             cudaStream_t stream) {
  require_swiglu_backward(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul);
  silu_multiply_backward_unfused(dout, gate, up, dgate, dup, static_cast<std::int64_t>(n) * f, stream);
  matmul(MatmulLayout::kNN, dgate, w_gate, dx, n, c, f, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNN, dup, w_up, dx, n, c, f, 1.0f, 1.0f, stream);
  matmul(MatmulLayout::kTN, dgate, x, dw_gate, f, c, n, 1.0f, 1.0f, stream);
  matmul(MatmulLayout::kTN, dup, x, dw_up, f, c, n, 1.0f, 1.0f, stream);
}

}  // namespace

WB_REGISTER(SiluMultiply, unfused, silu_multiply_unfused);
WB_REGISTER(SiluMultiplyBackward, unfused, silu_multiply_backward_unfused);
WB_REGISTER(SwigluForward, unfused, swiglu_forward_unfused);
WB_REGISTER(SwigluBackward, unfused, swiglu_backward_unfused);

}  // namespace wb
