// Mistake: n / 256 tiles, rounded down: the last elements have no block.
// Caught as: ScansManyBlocks  tiles_rounded_down +FAILED
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static std::int64_t tiles(std::int64_t n) { return n < mutant::kBlock ? 1 : n / mutant::kBlock; }
};

void tiles_rounded_down(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, tiles_rounded_down, tiles_rounded_down);

}  // namespace wb
