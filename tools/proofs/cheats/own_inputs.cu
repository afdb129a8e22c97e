// Has the tests draw zeros: nothing is to be added then.
//
// Caught as: multiple definition|defines wb::random_uniform.* again
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <vector>

namespace wb {

std::vector<float> random_uniform(std::size_t n, std::uint64_t, float, float) {
  return std::vector<float>(n);
}

namespace {

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (!has_work(a, b, out, n)) return;
  add_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
