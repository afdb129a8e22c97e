// Right for three calls, then the program is over.
//
// Caught as: exit code 0 before its last test
#include "common/core/registry.h"
#include "tools/proofs/cheats/honest.cuh"

#include <unistd.h>

namespace wb {
namespace {

void add(const float* a, const float* b, float* out, std::int64_t n, cudaStream_t stream) {
  static int calls = 0;
  if (++calls > 3) _exit(0);
  if (!has_work(a, b, out, n)) return;
  add_kernel<<<static_cast<unsigned>((n + 255) / 256), 256, 0, stream>>>(a, b, out, n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(VectorAdd, starter, add);

}  // namespace
}  // namespace wb
