// Mistake: threads past the end store a result, too.
// Caught as: ScansOneWarp  no_guard +FAILED
// Inspected in: ScanTest.ScansOneWarp
// Inspected as: out_of_bounds, line: if (Steps::may_store(i, n)) out[i] =
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static __device__ bool may_store(std::int64_t, std::int64_t) { return true; }
};

void no_guard(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, no_guard, no_guard);

}  // namespace wb
