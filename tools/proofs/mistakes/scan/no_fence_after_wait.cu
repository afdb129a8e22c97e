// Mistake: the state is awaited with relaxed loads, and no fence follows.
// First screen: read of line \d+ .*follows the relaxed atomic operation at line \d+ .*without a
// __threadfence\(\)
#include "tools/proofs/mistakes/scan/scan.cuh"

namespace wb::mistake {
namespace {

__global__ void no_fence_after_wait_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  const auto publish = [](int* place, int value, int* state, int what) {
    *place = value;
    __threadfence();
    atomicExch(state, what);
  };
  const auto wait = [](int* state) {
    int seen;
    while ((seen = State(*state).load(cuda::memory_order_relaxed)) == kNothing) {
    }
    return seen;
  };
  scan_single_pass(x, out, tiles, n, publish, wait);
}

void launch(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const unsigned tiles = prepare(x, out, scratch, n, stream);
  no_fence_after_wait_kernel<<<tiles, kBlock, 0, stream>>>(x, out, divide_scan_scratch(scratch, tiles), n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, no_fence_after_wait, launch);

}  // namespace
}  // namespace wb::mistake
