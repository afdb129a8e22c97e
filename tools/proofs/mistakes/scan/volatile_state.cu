// Mistake: the state is awaited through volatile, with no fence after it.
// First screen: read of line \d+ .*follows a load at line \d+ that is not atomic
#include "tools/proofs/mistakes/scan/scan.cuh"

namespace wb::mistake {
namespace {

__global__ void volatile_state_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  const auto publish = [](int* place, int value, int* state, int what) {
    *place = value;
    __threadfence();
    atomicExch(state, what);
  };
  const auto wait = [](int* state) {
    const volatile int* polled = state;
    int seen;
    while ((seen = *polled) == kNothing) __nanosleep(10);
    return seen;
  };
  scan_single_pass(x, out, tiles, n, publish, wait);
}

void launch(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const unsigned tiles = prepare(x, out, scratch, n, stream);
  volatile_state_kernel<<<tiles, kBlock, 0, stream>>>(x, out, divide_scan_scratch(scratch, tiles), n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, volatile_state, launch);

}  // namespace
}  // namespace wb::mistake
