// Mistake: one block scans the sums of the tiles, and only as many as it has threads.
// Caught as: ScansMoreTilesThanABlockHasThreads  sums_in_one_round +FAILED
#include "solutions/mutants/scan/mutated.cuh"

namespace wb {
namespace {

__global__ void tiles_kernel(const int* x, int* out, int* sums, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * mutant::kBlock + threadIdx.x;
  const int scanned = mutant::block_scan<mutant::SinglePass>(i < n ? x[i] : 0);
  if (i < n) out[i] = scanned;
  if (threadIdx.x == mutant::kBlock - 1) sums[blockIdx.x] = scanned;
}

__global__ void sums_kernel(int* sums, std::int64_t tiles) {
  const int scanned = mutant::block_scan<mutant::SinglePass>(threadIdx.x < tiles ? sums[threadIdx.x] : 0);
  if (threadIdx.x < tiles) sums[threadIdx.x] = scanned;
}

__global__ void add_kernel(int* out, const int* sums, std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * mutant::kBlock + threadIdx.x;
  if (blockIdx.x > 0 && i < n) out[i] += sums[blockIdx.x - 1];
}

void sums_in_one_round(const int* x, int* out, int* scratch, std::int64_t n, cudaStream_t stream) {
  if (n == 0) return;
  const std::int64_t tiles = mutant::SinglePass::tiles(n);
  const auto blocks = static_cast<unsigned>(tiles);
  tiles_kernel<<<blocks, mutant::kBlock, 0, stream>>>(x, out, scratch, n);
  WB_CHECK_LAUNCH();
  sums_kernel<<<1, mutant::kBlock, 0, stream>>>(scratch, tiles);
  WB_CHECK_LAUNCH();
  add_kernel<<<blocks, mutant::kBlock, 0, stream>>>(out, scratch, n);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Scan, sums_in_one_round, sums_in_one_round);

}  // namespace wb
