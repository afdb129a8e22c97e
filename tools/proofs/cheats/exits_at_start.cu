// Ends the program before main(), as if all were well.
//
// Caught as: exit code 0 before its last test
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <unistd.h>

namespace wb {
namespace {

const bool ended = (_exit(0), true);

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t) {
  static_cast<void>(has_work(a, b, out, n));
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
