// Mistake: the sums of the warps are read before all warps have stored theirs.
// Caught as: no_barrier_in_block_scan +FAILED
// Inspected in: ScanTest.ScansOneBlock
// Inspected as: shared_race, line: of_warp[warp] = value;
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static __device__ void barrier_in_block_scan() {}
};

void no_barrier_in_block_scan(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, no_barrier_in_block_scan, no_barrier_in_block_scan);

}  // namespace wb
