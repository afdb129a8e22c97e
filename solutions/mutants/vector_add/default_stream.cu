// Mistake: the stream is forgotten in the launch: the kernel runs in the default stream.
// Caught as: in another stream than the one that was passed
#include "01_vector_add/vector_add.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = 256;

__global__ void default_stream_kernel(const float* a,  // (n)
                                      const float* b,  // (n)
                                      float* out,      // (n)
                                      std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) out[i] = a[i] + b[i];
}

void default_stream(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t) {
  if (n == 0) return;
  default_stream_kernel<<<static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, default_stream, default_stream);

}  // namespace
}  // namespace wb
