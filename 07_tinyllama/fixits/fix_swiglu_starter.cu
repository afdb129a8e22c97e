// SwiGLU in one kernel: both projections and the gate, so that gate and up are not read from memory again.
//
//     ./workbook check 07 fix_swiglu
//
// TODO: All numbers are right, yet a step of training spends most of its time here. Find out why, and fix
//       it. The lesson (README.md) has the symptom and the tools.
#include <cstdint>

#include "07_tinyllama/silu.cuh"
#include "07_tinyllama/swiglu.h"
#include "07_tinyllama/swiglu_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__device__ std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// Thread i owns out[i], i = n * F + f.
__global__ void forward_kernel(const float* x,       // (N, C)
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
  float g = 0.0f, u = 0.0f;
  for (int j = 0; j < c; ++j) {
    g += x_row[j] * gate_row[j];
    u += x_row[j] * up_row[j];
  }
  gate[i] = g;
  up[i] = u;
  out[i] = silu(g) * u;
}

// Thread i owns dgate[i] and dup[i].
__global__ void gate_backward_kernel(const float* dout,  // (N, F)
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
__global__ void dx_kernel(const float* dgate,   // (N, F)
                          const float* dup,     // (N, F)
                          const float* w_gate,  // (F, C)
                          const float* w_up,    // (F, C)
                          float* dx,            // (N, C)
                          int n, int c, int f) {
  const std::int64_t i = global_index();
  if (i >= static_cast<std::int64_t>(n) * c) return;
  const std::int64_t row = i / c * f;
  const std::int64_t column = i % c;
  float sum = 0.0f;
  for (std::int64_t j = 0; j < f; ++j) {
    sum += dgate[row + j] * w_gate[j * c + column] + dup[row + j] * w_up[j * c + column];
  }
  dx[i] = sum;
}

// Thread i owns dw_gate[i] and dw_up[i], i = f * C + c:  dw_gate += dgate^T x, dw_up += dup^T x.
__global__ void dw_kernel(const float* dgate,  // (N, F)
                          const float* dup,    // (N, F)
                          const float* x,      // (N, C)
                          float* dw_gate,      // (F, C)
                          float* dw_up,        // (F, C)
                          int n, int c, int f) {
  const std::int64_t i = global_index();
  if (i >= static_cast<std::int64_t>(f) * c) return;
  const std::int64_t feature = i / c;
  const std::int64_t column = i % c;
  float g = 0.0f, u = 0.0f;
  for (std::int64_t row = 0; row < n; ++row) {
    g += dgate[row * f + feature] * x[row * c + column];
    u += dup[row * f + feature] * x[row * c + column];
  }
  dw_gate[i] += g;
  dw_up[i] += u;
}

unsigned blocks_for(std::int64_t rows, int columns) {
  const std::int64_t blocks = (rows * columns + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, blocks);
  return static_cast<unsigned>(blocks);
}

void swiglu_forward_starter(const float* x, const float* w_gate, const float* w_up, float* gate, float* up,
                            float* out, int n, int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  forward_kernel<<<blocks_for(n, f), kThreads, 0, stream>>>(x, w_gate, w_up, gate, up, out, n, c, f);
  WB_CHECK_LAUNCH();
}

void swiglu_backward_starter(const float* dout, const float* x, const float* w_gate, const float* w_up,
                             const float* gate, const float* up, float* dgate, float* dup, float* dx,
                             float* dw_gate, float* dw_up, int n, int c, int f, Matmul::Function* matmul,
                             cudaStream_t stream) {
  require_swiglu_backward(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul);
  const std::int64_t size = static_cast<std::int64_t>(n) * f;
  gate_backward_kernel<<<blocks_for(n, f), kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
  dx_kernel<<<blocks_for(n, c), kThreads, 0, stream>>>(dgate, dup, w_gate, w_up, dx, n, c, f);
  WB_CHECK_LAUNCH();
  dw_kernel<<<blocks_for(f, c), kThreads, 0, stream>>>(dgate, dup, x, dw_gate, dw_up, n, c, f);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(SwigluForward, starter, swiglu_forward_starter);
WB_REGISTER(SwigluBackward, starter, swiglu_backward_starter);

}  // namespace wb
