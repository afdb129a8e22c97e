// Mistake: the search goes on past a tile whose prefix is known, and adds earlier tiles once more.
// Caught as: ScansManyBlocks  prefix_added_twice +FAILED
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static __device__ bool ends_search(int) { return false; }
};

void prefix_added_twice(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, prefix_added_twice, prefix_added_twice);

}  // namespace wb
