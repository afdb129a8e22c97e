// Mistake: the result is the sum before the element.
// Caught as: an exclusive scan
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static __device__ int result(int before, int scanned, int value) { return before + scanned - value; }
};

void exclusive_sums(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, exclusive_sums, exclusive_sums);

}  // namespace wb
