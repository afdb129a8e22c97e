// A linear layer with bias and GELU in two kernels: cuBLASLt's product, then bias and GELU in place. One
// kernel is compared with these two: the second kernel reads back the 2 M N bytes that the first one has just
// written, and writes them again. z is rounded to bf16 in between, in addition to the contract's one
// rounding.
#include <algorithm>
#include <cstdint>

#include "02_matmul/gelu.cuh"
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_bias_gelu_check.h"
#include "common/core/implementations.h"
#include "common/core/pack.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

template <int kWidth>
__global__ void __launch_bounds__(kThreads) bias_gelu_kernel(bf16* y,           // (M, N), in place
                                                             const bf16* bias,  // (N)
                                                             std::int64_t packs, int packs_per_row) {
  using Packed = Pack<kWidth, bf16>;
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < packs;
       i += stride) {
    Packed z = reinterpret_cast<Packed*>(y)[i];
    const Packed b = reinterpret_cast<const Packed*>(bias)[i % packs_per_row];
#pragma unroll
    for (int j = 0; j < kWidth; ++j) {
      z.values[j] = from_float<bf16>(fast_gelu(to_float(z.values[j]) + to_float(b.values[j])));
    }
    reinterpret_cast<Packed*>(y)[i] = z;
  }
}

template <int kWidth>
void add_bias_and_gelu(bf16* y, const bf16* bias, int m, int n, cudaStream_t stream) {
  const std::int64_t packs = std::int64_t{m} * n / kWidth;
  const auto blocks = static_cast<unsigned>(std::min<std::int64_t>((packs + kThreads - 1) / kThreads, 65535));
  bias_gelu_kernel<kWidth><<<blocks, kThreads, 0, stream>>>(y, bias, packs, n / kWidth);
  WB_CHECK_LAUNCH();
}

void matmul_bias_gelu_two_kernels(const bf16* x, const bf16* w, const bf16* bias, bf16* y, int m, int n,
                                  int k, cudaStream_t stream) {
  require_matmul_bias_gelu(x, w, bias, y, m, n, k);
  static MatmulBf16::Function* const multiply = find_implementation<MatmulBf16>("cublaslt").function;
  multiply(MatmulLayout::kNT, x, w, y, m, n, k, 1.0f, 0.0f, stream);
  if (rows_fit_pack<8>(n, y, bias)) {
    add_bias_and_gelu<8>(y, bias, m, n, stream);
  } else {
    add_bias_and_gelu<1>(y, bias, m, n, stream);
  }
}

}  // namespace

WB_REGISTER(MatmulBiasGeluBf16, two_kernels, matmul_bias_gelu_two_kernels);

}  // namespace wb
