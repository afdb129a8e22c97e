// Mistake: every lane adds what the shuffle returns, which is its own value where there is no lower lane.
// Caught as: ScansOneWarp  all_lanes_add +FAILED
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static __device__ bool may_add(int, int) { return true; }
};

void all_lanes_add(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, all_lanes_add, all_lanes_add);

}  // namespace wb
