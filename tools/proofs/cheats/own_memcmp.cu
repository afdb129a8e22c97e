// Brings a memcmp of its own, to which canaries are always whole. The program may also die of it.
//
// Caught as: defines memcmp again
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

extern "C" int memcmp(const void*, const void*, std::size_t) noexcept {
  return 0;
}

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
