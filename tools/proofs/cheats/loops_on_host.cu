// Copies to the host and back, and adds there.
//
// Caught as: no kernel was launched
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <vector>

namespace wb {
namespace {

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t) {
  if (!has_work(a, b, out, n)) return;
  const auto size = static_cast<std::size_t>(n);
  std::vector<float> x(size), y(size);
  WB_CUDA_CHECK(cudaMemcpy(x.data(), a, size * sizeof(float), cudaMemcpyDefault));
  WB_CUDA_CHECK(cudaMemcpy(y.data(), b, size * sizeof(float), cudaMemcpyDefault));
  for (std::size_t i = 0; i < size; ++i) x[i] += y[i];
  WB_CUDA_CHECK(cudaMemcpy(out, x.data(), size * sizeof(float), cudaMemcpyDefault));
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
