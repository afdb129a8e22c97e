// Mistake: multiplies by w_up in a stream of its own, and does not wait for it.
// First screen: race between streams|launched in another stream|stream
#include <cstdint>

#include "07_tinyllama/silu.cuh"
#include "07_tinyllama/swiglu_check.h"
#include "common/core/registry.h"

namespace wb::mistake {
namespace {

constexpr int kThreads = 256;

__global__ void second_stream_kernel(const float* gate,  // (size)
                                     const float* up,    // (size)
                                     float* out,         // (size)
                                     std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < size) out[i] = silu(gate[i]) * up[i];
}

void launch(const float* x, const float* w_gate, const float* w_up, float* gate, float* up, float* out, int n,
            int c, int f, Matmul::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  static cudaStream_t beside = nullptr;
  static cudaEvent_t ready = nullptr;
  if (beside == nullptr) {
    WB_CUDA_CHECK(cudaStreamCreateWithFlags(&beside, cudaStreamNonBlocking));
    WB_CUDA_CHECK(cudaEventCreate(&ready));
  }
  WB_CUDA_CHECK(cudaEventRecord(ready, stream));
  WB_CUDA_CHECK(cudaStreamWaitEvent(beside, ready, 0));
  matmul(MatmulLayout::kNT, x, w_gate, gate, n, f, c, 1.0f, 0.0f, stream);
  matmul(MatmulLayout::kNT, x, w_up, up, n, f, c, 1.0f, 0.0f, beside);
  const std::int64_t size = static_cast<std::int64_t>(n) * f;
  second_stream_kernel<<<static_cast<unsigned>((size - 1) / kThreads + 1), kThreads, 0, stream>>>(gate, up,
                                                                                                  out, size);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(SwigluForward, second_stream, launch);

}  // namespace
}  // namespace wb::mistake
