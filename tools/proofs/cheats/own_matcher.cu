// Brings a comparison of its own, to which everything is equal. The linker takes the first it finds.
//
// Caught as: multiple definition|defines .*matches.* again
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include "common/harness/matcher.h"

namespace wb {

testing::AssertionResult matches(std::span<const float>, std::span<const double>, const Tolerance&,
                                 const Shape&) {
  return testing::AssertionSuccess();
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
