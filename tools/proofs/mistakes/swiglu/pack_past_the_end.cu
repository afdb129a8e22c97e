// Mistake: rounds the number of packs of four up, so that the last one reaches past the end.
// First screen: out of bounds.*pack_past_the_end\.cu
#include <cstdint>

#include "07_tinyllama/silu.cuh"
#include "07_tinyllama/swiglu_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void pack_past_the_end_kernel(const float* gate,  // (size)
                                         const float* up,    // (size)
                                         float* out,         // (size)
                                         std::int64_t packs) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= packs) return;
  for (std::int64_t k = 4 * i; k < 4 * i + 4; ++k) out[k] = silu(gate[k]) * up[k];
}

void launch(const float* x, const float* w_gate, const float* w_up, float* gate, float* up, float* out, int n,
            int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  matmul(MatmulLayout::kNT, x, w_gate, gate, n, f, c, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNT, x, w_up, up, n, f, c, 1.0f, 0.0f, stream);
  const std::int64_t packs = (static_cast<std::int64_t>(n) * f + 3) / 4;
  pack_past_the_end_kernel<<<static_cast<unsigned>((packs - 1) / kThreads + 1), kThreads, 0, stream>>>(
      gate, up, out, packs);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SwigluForward, pack_past_the_end, launch);

}  // namespace
}  // namespace wb::mistake
