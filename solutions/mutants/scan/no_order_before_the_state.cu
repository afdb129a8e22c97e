// Mistake: the state is stored without release, so another block may see it before the number.
// Caught as: global_race
// Caught on: inspector
// Inspected in: ScanTest.ScansManyBlocks
// Inspected as: global_race, line: *place = value;
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

struct Mistake : mutant::SinglePass {
  static __device__ void publish(int* place, int value, int& state, int what) {
    *place = value;
    mutant::State(state).store(what, cuda::memory_order_relaxed);
  }
};

void no_order_before_the_state(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = Mistake::tiles(n);
  const ScanScratch memory = divide_scan_scratch(scratch, tiles);
  WB_CUDA_CHECK(cudaMemsetAsync(scratch, 0, Mistake::cleared(tiles) * sizeof(int), stream));
  mutant::scan_kernel<Mistake>
      <<<static_cast<unsigned>(tiles), mutant::kBlock, 0, stream>>>(x, out, memory, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, no_order_before_the_state, no_order_before_the_state);

}  // namespace wb
