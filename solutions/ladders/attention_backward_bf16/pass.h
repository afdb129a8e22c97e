// What the launchers of all rungs share: their arguments, and what they can do with the tensors' layouts.
#pragma once

#include <cstdint>
#include <type_traits>

#include "06_flash_attention/attention_check.h"
#include "common/core/bf16.h"
#include "common/core/shared_memory.h"

namespace wb::attention_backward {

using BwdIn = HeadsView<const bf16>;
using BwdOut = HeadsView<bf16>;

/// The arguments of the contract.
struct Pass {
  BwdIn dout, q, k, v, out;  // (B, T, H or K, D)
  const float* lse;          // (B, H, T)
  BwdOut dq, dk, dv;         // (B, T, H or K, D)
  float* scratch;
  AttentionShape shape;
};

/// Errors: as the contract says.
inline void check(const Pass& pass) {
  attention_check_forward<bf16>(pass.q, pass.k, pass.v, pass.out, pass.lse, pass.shape);
  attention_check_gradients<bf16>(pass.dout, pass.dq, pass.dk, pass.dv, pass.scratch, pass.shape);
}

/// Rung 1, which the others leave the layouts to that TMA cannot read. Its scratch: delta, (B, H, T).
void mma_sync(const Pass& pass, cudaStream_t stream);

/// Whether kWidth neighboring features of every tensor lie side by side, at a multiple of their size.
template <int kWidth>
bool all_fit_pack(const Pass& pass) {
  const int d = pass.shape.d;
  const auto fit = [d](const auto&... views) { return (view_fits_pack<kWidth>(views, d) && ...); };
  return fit(pass.dout, pass.q, pass.k, pass.v, pass.out, pass.dq, pass.dk, pass.dv);
}

/// Lets `kernel` use `bytes` of dynamic shared memory. Throws wb::Error where a block may not have them.
template <class Kernel>
void allow_shared_memory(Kernel kernel, int bytes) {
  WB_REQUIRE(bytes <= shared_memory_per_block(), bytes);
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

/// Calls launch(std::integral_constant<int, kHead>) with the width of head that tiles are made for.
template <class Launch>
void with_tile_head(int d, Launch launch) {
  if (d <= 64) return launch(std::integral_constant<int, 64>{});
  launch(std::integral_constant<int, 128>{});
}

}  // namespace wb::attention_backward
