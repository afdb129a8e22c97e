// Mistake: the fence orders for the threads of the block alone.
// First screen: fence before the atomic operation at line \d+ is only for the threads of its block
#include "tools/proofs/mistakes/scan/scan.cuh"

namespace wb::mistake {
namespace {

__global__ void fence_of_block_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  const auto publish = [](int* place, int value, int* state, int what) {
    *place = value;
    __threadfence_block();
    State(*state).store(what, cuda::memory_order_relaxed);
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
  fence_of_block_kernel<<<tiles, kBlock, 0, stream>>>(x, out, divide_scan_scratch(scratch, tiles), n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, fence_of_block, launch);

}  // namespace
}  // namespace wb::mistake
