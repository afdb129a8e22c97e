// Mistake: the sum of a tile is that of its first 255 elements.
// Caught as: ScansManyBlocks  last_element_of_the_tile_left_out +FAILED
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static constexpr int kThreadWithTheSum = mutant::kBlock - 2;
};

void last_element_of_the_tile_left_out(const int* x, int* out, int* scratch, std::int64_t n,
                                       cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, last_element_of_the_tile_left_out, last_element_of_the_tile_left_out);

}  // namespace wb
