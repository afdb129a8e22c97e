// No cheat: the answer that must pass, so that the others fail for what they do.
//
// Caught as: nothing
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

namespace wb {
namespace {

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  if (!has_work(a, b, out, n)) return;
  add_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
