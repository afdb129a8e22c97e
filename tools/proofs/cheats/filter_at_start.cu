// Sets GoogleTest's filter before main(), to the one test that an untouched starter passes.
//
// Caught as: tests fail
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <cstdlib>

namespace wb {
namespace {

const int filtered = setenv("GTEST_FILTER", "*DoesNothing*", 1);

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t) {
  static_cast<void>(has_work(a, b, out, n));
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
