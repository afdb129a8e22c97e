// Mistake: the fence comes before the number that it should publish.
// First screen: write of line \d+ comes after the last __threadfence\(\) of its thread, so the atomic
// operation at line
#include "tools/proofs/mistakes/scan/scan.cuh"

namespace wb::mistake {
namespace {

__global__ void fence_before_number_kernel(const int* x, int* out, ScanScratch tiles, std::int64_t n) {
  const auto publish = [](int* place, int value, int* state, int what) {
    __threadfence();
    *place = value;
    atomicExch(state, what);
  };
  const auto wait = [](int* state) {
    int seen;
    while ((seen = atomicAdd(state, 0)) == kNothing) {
    }
    __threadfence();
    return seen;
  };
  scan_single_pass(x, out, tiles, n, publish, wait);
}

void launch(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const unsigned tiles = prepare(x, out, scratch, n, stream);
  fence_before_number_kernel<<<tiles, kBlock, 0, stream>>>(x, out, divide_scan_scratch(scratch, tiles), n);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(Scan, fence_before_number, launch);

}  // namespace
}  // namespace wb::mistake
