// Mistake: the state of a sum is released, that of a prefix is not.
// First screen: There is no __threadfence\(\) between the write of line \d+ and the atomic operation at line
#include "tools/proofs/mistakes/scan/scan.cuh"

namespace wb::mistake {
namespace {

__global__ void one_state_relaxed_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  const auto publish = [](int* place, int value, int* state, int what) {
    *place = value;
    State(*state).store(what, what == kSum ? cuda::memory_order_release : cuda::memory_order_relaxed);
  };
  const auto wait = [](int* state) {
    int seen;
    while ((seen = State(*state).load(cuda::memory_order_acquire)) == kNothing) {
    }
    return seen;
  };
  scan_single_pass(x, out, tiles, n, publish, wait);
}

void launch(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const unsigned tiles = prepare(x, out, scratch, n, stream);
  one_state_relaxed_kernel<<<tiles, kBlock, 0, stream>>>(x, out, divide_scan_scratch(scratch, tiles), n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, one_state_relaxed, launch);

}  // namespace
}  // namespace wb::mistake
