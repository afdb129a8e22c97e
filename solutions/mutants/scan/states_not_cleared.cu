// Mistake: only the ticket is set to 0, so blocks find states that nobody has published.
// Caught as: states_not_cleared +FAILED
// Caught on: cuda
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static std::size_t cleared(std::int64_t) { return 1; }
};

void states_not_cleared(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, states_not_cleared, states_not_cleared);

}  // namespace wb
