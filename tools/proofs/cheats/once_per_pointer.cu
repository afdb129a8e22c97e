// Right, but a second call with the same pointer returns at once: fast in a benchmark that never changes its
// inputs.
//
// Caught as: the inputs had changed
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <set>

namespace wb {
namespace {

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  static std::set<const float*> done;
  if (!has_work(a, b, out, n) || !done.insert(out).second) return;
  add_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
