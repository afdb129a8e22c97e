// Your turn: orthogonalize a matrix by Newton-Schulz steps. README.md is the lesson; hints.md has hints.
//
// Do one TODO at a time, and check after each:
//
//     ./workbook check 02 newton_schulz
//
// `matmul` multiplies for you (layouts, alpha and beta as in matmul.h): in the tests it is the reference.
// Everything stays on the device: nothing here may wait for it, or ask it for a number.
#include <cstdint>
#include <utility>

#include "02_matmul/newton_schulz_check.h"
#include "02_matmul/newton_schulz_sum.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = kSumThreads;

// The index of this thread in the grid, and how many threads the grid has. There are at most 256 blocks, so
// a thread may own many elements: first_index(), first_index() + grid_threads(), ...
[[maybe_unused]] __device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
[[maybe_unused]] __device__ std::int64_t grid_threads() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

__global__ void partial_squares_kernel(const float* x,   // (size)
                                       float* partials,  // (gridDim.x)
                                       std::int64_t size) {
  // TODO 1: Add up the squares of this thread's elements; let sum_of_block() (newton_schulz_sum.cuh) add up
  //         the block's threads; let one thread store the block's sum in partials.
}

__global__ void divide_by_norm_kernel(const float* x,         // (size)
                                      const float* partials,  // (count), count <= kThreads
                                      float* out,             // (size), may be x
                                      std::int64_t size, int count) {
  // TODO 2: Every block needs the norm, the root of the sum of all partials: let each block add them up for
  //         itself, thread i taking partials[i], or 0 past `count`. Then out[i] = x[i] / (norm + epsilon).
}

// poly = a I + b gram
__global__ void start_polynomial_kernel(const float* gram,  // (S, S)
                                        float* poly,        // (S, S)
                                        int s) {
  // TODO 3: Element i is on the diagonal if its row i / s is its column i % s.
}

unsigned blocks_for(std::int64_t size) {
  return static_cast<unsigned>(
      std::min<std::int64_t>((size + kThreads - 1) / kThreads, kNewtonSchulzPartials));
}

void normalize(const float* x, float* out, float* partials, std::int64_t size, cudaStream_t stream) {
  const unsigned blocks = blocks_for(size);
  partial_squares_kernel<<<blocks, kThreads, 0, stream>>>(x, partials, size);
  WB_CHECK_LAUNCH();
  divide_by_norm_kernel<<<blocks, kThreads, 0, stream>>>(x, partials, out, size, static_cast<int>(blocks));
  WB_CHECK_LAUNCH();
}

void newton_schulz_starter(const float* x, float* out, float* scratch, int r, int c, int steps,
                           Matmul::Function* matmul, cudaStream_t stream) {
  check_newton_schulz(x, out, scratch, r, c, steps, matmul);
  const NewtonSchulzScratch memory = divide_newton_schulz_scratch(scratch, r, c);
  const int s = std::min(r, c);

  // X moves between two buffers at each step; begin with the one that lets it end in `out`.
  float* from = steps % 2 == 0 ? out : memory.x;
  float* to = steps % 2 == 0 ? memory.x : out;
  normalize(x, from, memory.partials, static_cast<std::int64_t>(r) * c, stream);

  for (int step = 0; step < steps; ++step) {
    // TODO 4: memory.gram = X X^T, where `from` holds X: one call of matmul. Which layout, which m, n, k?

    const unsigned blocks = blocks_for(static_cast<std::int64_t>(s) * s);
    start_polynomial_kernel<<<blocks, kThreads, 0, stream>>>(memory.gram, memory.poly, s);
    WB_CHECK_LAUNCH();

    // TODO 5: Add kNewtonSchulzC * gram * gram to memory.poly: one call, by alpha and beta.

    // TODO 6: to = memory.poly X: one call.

    // TODO 7: If R > C, (R, R) would be the larger square. Take gram = X^T X and to = X memory.poly.

    std::swap(from, to);
  }
}

WB_REGISTER(NewtonSchulz, starter, newton_schulz_starter);

}  // namespace
}  // namespace wb
