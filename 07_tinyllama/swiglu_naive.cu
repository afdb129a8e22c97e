// SwiGLU, one thread per output: two dot products and the gate, all in one kernel.
//
// To fuse the projections with silu(gate) * up seems useful, because gate and up are not written to memory
// and read again. But the kernel is slow: thread (n, f) reads row n of x and row f of both weights from
// global memory for itself. Neighboring threads of a warp read weight rows that are C floats apart, so one
// load needs 32 sectors and uses 4 bytes of each. No thread shares what it has read with the many threads
// that need it too. Forward: 4 N F C FLOPs and 12 N F C bytes of loads, 1/3 FLOP per byte. A matrix product
// (chapter 02) loads an element once per tile. Read next: swiglu_solution.cu.
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

// Thread i owns out[i], i = n * F + f.
__global__ void swiglu_forward_kernel(const float* x,       // (N, C)
                                      const float* w_gate,  // (F, C)
                                      const float* w_up,    // (F, C)
                                      float* gate,          // (N, F)
                                      float* up,            // (N, F)
                                      float* out,           // (N, F)
                                      int n, int c, int f) {
  const std::int64_t i = global_index();
  if (i >= static_cast<std::int64_t>(n) * f) return;
  const float* x_row = x + i / f * c;
  const float* gate_row = w_gate + i % f * c;
  const float* up_row = w_up + i % f * c;
  float g = 0.0f;
  float u = 0.0f;
  for (int j = 0; j < c; ++j) {
    g += x_row[j] * gate_row[j];
    u += x_row[j] * up_row[j];
  }
  gate[i] = g;
  up[i] = u;
  out[i] = silu(g) * u;
}

// Thread i owns dgate[i] and dup[i].
__global__ void swiglu_gate_backward_kernel(const float* dout,  // (N, F)
                                            const float* gate,  // (N, F)
                                            const float* up,    // (N, F)
                                            float* dgate,       // (N, F)
                                            float* dup,         // (N, F)
                                            std::int64_t size) {
  const std::int64_t i = global_index();
  if (i >= size) return;
  dgate[i] = dout[i] * up[i] * silu_slope(gate[i]);
  dup[i] = dout[i] * silu(gate[i]);
}

// Thread i owns dx[i], i = n * C + c:  dx = dgate w_gate + dup w_up.
__global__ void swiglu_dx_kernel(const float* dgate,   // (N, F)
                                 const float* dup,     // (N, F)
                                 const float* w_gate,  // (F, C)
                                 const float* w_up,    // (F, C)
                                 float* dx,            // (N, C)
                                 int n, int c, int f) {
  const std::int64_t i = global_index();
  if (i >= static_cast<std::int64_t>(n) * c) return;
  const float* dgate_row = dgate + i / c * f;
  const float* dup_row = dup + i / c * f;
  const std::int64_t column = i % c;
  float sum = 0.0f;
  for (std::int64_t j = 0; j < f; ++j) {
    sum += dgate_row[j] * w_gate[j * c + column] + dup_row[j] * w_up[j * c + column];
  }
  dx[i] = sum;
}

// Thread i owns dw_gate[i] and dw_up[i], i = f * C + c:  dw_gate += dgate^T x, dw_up += dup^T x.
__global__ void swiglu_dw_kernel(const float* dgate,  // (N, F)
                                 const float* dup,    // (N, F)
                                 const float* x,      // (N, C)
                                 float* dw_gate,      // (F, C)
                                 float* dw_up,        // (F, C)
                                 int n, int c, int f) {
  const std::int64_t i = global_index();
  if (i >= static_cast<std::int64_t>(f) * c) return;
  const std::int64_t feature = i / c;
  const std::int64_t column = i % c;
  float g = 0.0f;
  float u = 0.0f;
  for (std::int64_t row = 0; row < n; ++row) {
    const float value = x[row * c + column];
    g += dgate[row * f + feature] * value;
    u += dup[row * f + feature] * value;
  }
  dw_gate[i] += g;
  dw_up[i] += u;
}

unsigned blocks_for(std::int64_t rows, int columns) {
  const std::int64_t blocks = (rows * columns + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, blocks);
  return static_cast<unsigned>(blocks);
}

void swiglu_forward_naive(const float* x, const float* w_gate, const float* w_up, float* gate, float* up,
                          float* out, int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  swiglu_forward_kernel<<<blocks_for(n, f), kThreads, 0, stream>>>(x, w_gate, w_up, gate, up, out, n, c, f);
  WB_CHECK_LAUNCH();
}

void swiglu_backward_naive(const float* dout, const float* x, const float* w_gate, const float* w_up,
                           const float* gate, const float* up, float* dgate, float* dup, float* dx,
                           float* dw_gate, float* dw_up, int n, int c, int f, Matmul::Function* matmul,
                           cudaStream_t stream) {
  require_swiglu_backward(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul);
  const std::int64_t size = static_cast<std::int64_t>(n) * f;
  swiglu_gate_backward_kernel<<<blocks_for(n, f), kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
  swiglu_dx_kernel<<<blocks_for(n, c), kThreads, 0, stream>>>(dgate, dup, w_gate, w_up, dx, n, c, f);
  WB_CHECK_LAUNCH();
  swiglu_dw_kernel<<<blocks_for(f, c), kThreads, 0, stream>>>(dgate, dup, x, dw_gate, dw_up, n, c, f);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SwigluForward, naive, swiglu_forward_naive);
WB_REGISTER(SwigluBackward, naive, swiglu_backward_naive);

}  // namespace wb
