// SwiGLU, hybrid: the given matrix product for the projections, one fused kernel for silu(gate) * up.
//
// The projections are matrix products, for which libraries have highly optimized kernels. No library has the
// gate. It is memory bound, so it gets one fused kernel. Thread i owns pack i of (N, F): 16 bytes if
// addresses and size allow it, else one element. Forward reads 8 bytes per element and writes 4; silu and the
// product as two kernels would move 20 (swiglu_unfused.cu). Backward reads 12 and writes 8. silu(gate) is
// computed again in backward, because an exponential takes less time than loading a stored value. FLOPs: 4 N
// F C forward and 8 N F C backward, nearly all of them in the products.
//
// T is the type in memory, float or bf16: half the bytes, so twice the elements per pack. Arithmetic is fp32.
// Gradients of weights are fp32 for both: with the 8 significant bits of bf16, small additions to a large sum
// would be lost.
#include <cstdint>

#include "07_tinyllama/silu.cuh"
#include "07_tinyllama/swiglu_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;
template <class T>
constexpr int kPackWidth = 16 / sizeof(T);

__device__ std::int64_t global_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

template <int kWidth, class T>
__global__ void silu_multiply_kernel(const T* gate,  // (size), size a multiple of kWidth
                                     const T* up,    // (size)
                                     T* out,         // (size)
                                     std::int64_t size) {
  const std::int64_t i = global_index();
  if (i >= size / kWidth) return;
  const auto gates = reinterpret_cast<const Pack<kWidth, T>*>(gate)[i];
  const auto ups = reinterpret_cast<const Pack<kWidth, T>*>(up)[i];
  Pack<kWidth, T> outs;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    outs.values[k] = from_float<T>(silu(to_float(gates.values[k])) * to_float(ups.values[k]));
  }
  reinterpret_cast<Pack<kWidth, T>*>(out)[i] = outs;
}

template <int kWidth, class T>
__global__ void silu_multiply_backward_kernel(const T* dout,  // (size), size a multiple of kWidth
                                              const T* gate,  // (size)
                                              const T* up,    // (size)
                                              T* dgate,       // (size)
                                              T* dup,         // (size)
                                              std::int64_t size) {
  const std::int64_t i = global_index();
  if (i >= size / kWidth) return;
  const auto douts = reinterpret_cast<const Pack<kWidth, T>*>(dout)[i];
  const auto gates = reinterpret_cast<const Pack<kWidth, T>*>(gate)[i];
  const auto ups = reinterpret_cast<const Pack<kWidth, T>*>(up)[i];
  Pack<kWidth, T> dgates, dups;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) {
    const float z = to_float(gates.values[k]), dy = to_float(douts.values[k]);
    const float s = sigmoid(z);
    dgates.values[k] = from_float<T>(dy * to_float(ups.values[k]) * s * (1.0f + z * (1.0f - s)));
    dups.values[k] = from_float<T>(dy * z * s);
  }
  reinterpret_cast<Pack<kWidth, T>*>(dgate)[i] = dgates;
  reinterpret_cast<Pack<kWidth, T>*>(dup)[i] = dups;
}

template <class T, class... More>
bool fit_packs(std::int64_t size, const T* array, const More*... more) {
  constexpr int kWidth = kPackWidth<T>;
  return rows_fit_pack<kWidth>(static_cast<int>(size % kWidth), array, more...);
}

unsigned blocks_for(std::int64_t threads) {
  const std::int64_t blocks = (threads + kThreads - 1) / kThreads;
  WB_REQUIRE(blocks <= 0x7fffffff, blocks);
  return static_cast<unsigned>(blocks);
}

template <class T>
void silu_multiply_solution(const T* gate, const T* up, T* out, std::int64_t size, cudaStream_t stream) {
  require_silu_multiply(gate, up, out, size);
  const bool wide = fit_packs(size, gate, up, out);
  const auto kernel = wide ? silu_multiply_kernel<kPackWidth<T>, T> : silu_multiply_kernel<1, T>;
  const unsigned blocks = blocks_for(wide ? size / kPackWidth<T> : size);
  kernel<<<blocks, kThreads, 0, stream>>>(gate, up, out, size);
  WB_CHECK_LAUNCH();
}

template <class T>
void silu_multiply_backward_solution(const T* dout, const T* gate, const T* up, T* dgate, T* dup,
                                     std::int64_t size, cudaStream_t stream) {
  require_silu_multiply_backward(dout, gate, up, dgate, dup, size);
  const bool wide = fit_packs(size, dout, gate, up, dgate, dup);
  const auto kernel =
      wide ? silu_multiply_backward_kernel<kPackWidth<T>, T> : silu_multiply_backward_kernel<1, T>;
  const unsigned blocks = blocks_for(wide ? size / kPackWidth<T> : size);
  kernel<<<blocks, kThreads, 0, stream>>>(dout, gate, up, dgate, dup, size);
  WB_CHECK_LAUNCH();
}

// Matmul's function (float), MatmulBf16's (bf16) and MatmulBf16ToFloat's (bf16, float).
template <class T, class Out = T>
using Product = void(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
                     float beta, cudaStream_t stream);

template <class T>
void swiglu_forward_solution(const T* x, const T* w_gate, const T* w_up, T* gate, T* up, T* out, int n, int c,
                             int f, Product<T>* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  matmul(MatmulLayout::kNT, x, w_gate, gate, n, f, c, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNT, x, w_up, up, n, f, c, 1.0f, 0.0f, stream);
  silu_multiply_solution(gate, up, out, static_cast<std::int64_t>(n) * f, stream);
}

template <class T>
void swiglu_backward_solution(const T* dout, const T* x, const T* w_gate, const T* w_up, const T* gate,
                              const T* up, T* dgate, T* dup, T* dx, float* dw_gate, float* dw_up, int n,
                              int c, int f, Product<T>* matmul, Product<T, float>* matmul_to_float,
                              cudaStream_t stream) {
  require_swiglu_backward(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul);
  WB_REQUIRE(matmul_to_float != nullptr, matmul_to_float == nullptr);
  silu_multiply_backward_solution(dout, gate, up, dgate, dup, static_cast<std::int64_t>(n) * f, stream);
  // dx = dgate w_gate + dup w_up: the second product adds to the first.
  matmul(MatmulLayout::kNN, dgate, w_gate, dx, n, c, f, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNN, dup, w_up, dx, n, c, f, 1.0f, 1.0f, stream);
  matmul_to_float(MatmulLayout::kTN, dgate, x, dw_gate, f, c, n, 1.0f, 1.0f, stream);
  matmul_to_float(MatmulLayout::kTN, dup, x, dw_up, f, c, n, 1.0f, 1.0f, stream);
}

// In fp32, one product serves both.
void swiglu_backward_fp32(const float* dout, const float* x, const float* w_gate, const float* w_up,
                          const float* gate, const float* up, float* dgate, float* dup, float* dx,
                          float* dw_gate, float* dw_up, int n, int c, int f, Matmul::Function* matmul,
                          cudaStream_t stream) {
  swiglu_backward_solution(dout, x, w_gate, w_up, gate, up, dgate, dup, dx, dw_gate, dw_up, n, c, f, matmul,
                           matmul, stream);
}

}  // namespace

WB_REGISTER(SiluMultiply, solution, silu_multiply_solution<float>);
WB_REGISTER(SiluMultiplyBackward, solution, silu_multiply_backward_solution<float>);
WB_REGISTER(SiluMultiplyBf16, solution, silu_multiply_solution<bf16>);
WB_REGISTER(SiluMultiplyBackwardBf16, solution, silu_multiply_backward_solution<bf16>);
WB_REGISTER(SwigluForward, solution, swiglu_forward_solution<float>);
WB_REGISTER(SwigluBackward, solution, swiglu_backward_fp32);
WB_REGISTER(SwigluForwardBf16, solution, swiglu_forward_solution<bf16>);
WB_REGISTER(SwigluBackwardBf16, solution, swiglu_backward_solution<bf16>);

}  // namespace wb
