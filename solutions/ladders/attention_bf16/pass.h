// What the launchers of all rungs share: their arguments, and what they can do with the tensors' layouts.
#pragma once

#include <type_traits>

#include "06_flash_attention/attention_check.h"
#include "common/core/bf16.h"
#include "common/core/shared_memory.h"

namespace wb::attention {

using In = HeadsView<const bf16>;
using Out = HeadsView<bf16>;

/// The arguments of the contract.
struct Pass {
  In q, k, v;  // (B, T, H or K, D)
  Out out;     // (B, T, H, D)
  float* lse;  // (B, H, T)
  AttentionShape shape;
};

/// Errors: as the contract says.
inline void check(const Pass& pass) {
  attention_check_forward<bf16>(pass.q, pass.k, pass.v, pass.out, pass.lse, pass.shape);
}

/// Rung 1. The others leave to it what they cannot do: layouts that TMA does not read, and a scale that is
/// not positive.
void mma_attention(const Pass& pass, cudaStream_t stream);

/// Rung 3, to which rung 4 leaves wide heads.
void overlapped(const Pass& pass, cudaStream_t stream);

/// Whether 8 neighboring features of every tensor lie side by side, at an address that is a multiple of 16
/// bytes.
inline bool has_vectors(const Pass& pass) {
  const int d = pass.shape.d;
  return view_fits_pack<8>(pass.q, d) && view_fits_pack<8>(pass.k, d) && view_fits_pack<8>(pass.v, d) &&
         view_fits_pack<8>(pass.out, d);
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

/// All of them save the log-sum-exp, and round each weight to bf16 before it multiplies v.
inline AttentionMemory memory_use(const AttentionShape& shape) {
  attention_check(shape);
  const auto rows = static_cast<std::size_t>(attention_rows(shape));
  return {rows, 0};
}
inline AttentionArithmetic arithmetic() {
  return {1};
}

}  // namespace wb::attention
