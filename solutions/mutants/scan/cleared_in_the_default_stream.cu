// Mistake: ticket and states are cleared in another stream than the kernel runs in.
// Caught as: cudaMemsetAsync works in the default stream
// Caught by: TakesOneLaunch
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

using Right = mutant::SinglePass;

void cleared_in_the_default_stream(const int* x, int* out, int* scratch, std::int64_t n,
                                   cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Right::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Right::cleared(tiles) * sizeof(int), nullptr));
  mutant::scan_kernel<Right><<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, cleared_in_the_default_stream, cleared_in_the_default_stream);

}  // namespace wb
