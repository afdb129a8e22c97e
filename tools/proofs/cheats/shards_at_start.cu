// Asks GoogleTest for one of a thousand parts of the tests: most parts are empty.
//
// Caught as: tests fail
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <cstdlib>

namespace wb {
namespace {

const int sharded = setenv("GTEST_TOTAL_SHARDS", "1000", 1) + setenv("GTEST_SHARD_INDEX", "999", 1);

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t) {
  static_cast<void>(has_work(a, b, out, n));
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
