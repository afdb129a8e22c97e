// Newton-Schulz orthogonalization: three matrix products per step, and two small kernels.
//
// With S = min(R, C) and the wide case in mind (X is (S, C)), one step is
//
//   gram = X X^T                       matmul NT             2 S S C FLOPs
//   poly = a I + b gram                one small kernel, thread i owns element i of (S, S)
//   poly = c gram gram + poly          matmul NN, beta = 1   2 S S S FLOPs
//   X'   = poly X                      matmul NN             2 S S C FLOPs
//
// Because of a I, the term a X does not have to be added at the end, which would take a pass over the large
// matrix. A tall X is never transposed: its steps are gram = X^T X (matmul TN) and X' = X poly. The norm of
// the start takes two kernels: blocks leave partial sums in scratch memory, and every block of the second one
// adds these up for itself, so the host does not need the norm. For a square matrix a step has 6 S^3 FLOPs
// and moves ten matrices, 40 S^2 bytes: from a few hundred rows on only the products count. Read next:
// 07_tinyllama, which trains with it.
#include <cstdint>
#include <utility>

#include "02_matmul/newton_schulz_check.h"
#include "02_matmul/newton_schulz_sum.cuh"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kThreads = kSumThreads;

__device__ std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ std::int64_t grid_threads() {
  return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

// Block i leaves its part of ||x||^2 in partials[i].
__global__ void partial_squares_kernel(const float* x,   // (size)
                                       float* partials,  // (gridDim.x)
                                       std::int64_t size) {
  float sum = 0.0f;
  for (std::int64_t i = first_index(); i < size; i += grid_threads()) sum += x[i] * x[i];
  sum = sum_of_block(sum);
  if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void divide_by_norm_kernel(const float* x,         // (size)
                                      const float* partials,  // (count), count <= kThreads
                                      float* out,             // (size), may be x
                                      std::int64_t size, int count) {
  const bool has_partial = static_cast<int>(threadIdx.x) < count;
  const float norm = sqrtf(sum_of_block(has_partial ? partials[threadIdx.x] : 0.0f));
  const float scale = 1.0f / (norm + kNewtonSchulzEpsilon);
  for (std::int64_t i = first_index(); i < size; i += grid_threads()) out[i] = scale * x[i];
}

// poly = a I + b gram
__global__ void start_polynomial_kernel(const float* gram,  // (S, S)
                                        float* poly,        // (S, S)
                                        int s) {
  const std::int64_t size = static_cast<std::int64_t>(s) * s;
  for (std::int64_t i = first_index(); i < size; i += grid_threads()) {
    const bool on_diagonal = i % (s + 1) == 0;
    poly[i] = kNewtonSchulzB * gram[i] + (on_diagonal ? kNewtonSchulzA : 0.0f);
  }
}

unsigned blocks_for(std::int64_t size) {
  return static_cast<unsigned>(
      std::min<std::int64_t>((size + kThreads - 1) / kThreads, kNewtonSchulzPartials));
}

void normalize(const float* x, float* out, float* partials, std::int64_t size, cudaStream_t stream) {
  static_assert(kNewtonSchulzPartials <= kThreads);
  const unsigned blocks = blocks_for(size);
  partial_squares_kernel<<<blocks, kThreads, 0, stream>>>(x, partials, size);
  WB_CHECK_LAUNCH();
  divide_by_norm_kernel<<<blocks, kThreads, 0, stream>>>(x, partials, out, size, static_cast<int>(blocks));
  WB_CHECK_LAUNCH();
}

void newton_schulz_solution(const float* x, float* out, float* scratch, int r, int c, int steps,
                            Matmul::Function* matmul, cudaStream_t stream) {
  check_newton_schulz(x, out, scratch, r, c, steps, matmul);
  const NewtonSchulzScratch memory = divide_newton_schulz_scratch(scratch, r, c);
  const bool wide = r <= c;
  const int s = wide ? r : c;

  // X moves between two buffers at each step; begin with the one that lets it end in `out`.
  float* from = steps % 2 == 0 ? out : memory.x;
  float* to = steps % 2 == 0 ? memory.x : out;
  normalize(x, from, memory.partials, static_cast<std::int64_t>(r) * c, stream);

  for (int step = 0; step < steps; ++step) {
    if (wide) {
      matmul(MatmulLayout::kNT, from, from, memory.gram, s, s, c, 1.0f, 0.0f, stream);
    } else {
      matmul(MatmulLayout::kTN, from, from, memory.gram, s, s, r, 1.0f, 0.0f, stream);
    }
    const unsigned blocks = blocks_for(static_cast<std::int64_t>(s) * s);
    start_polynomial_kernel<<<blocks, kThreads, 0, stream>>>(memory.gram, memory.poly, s);
    WB_CHECK_LAUNCH();
    matmul(MatmulLayout::kNN, memory.gram, memory.gram, memory.poly, s, s, s, kNewtonSchulzC, 1.0f, stream);
    if (wide) {
      matmul(MatmulLayout::kNN, memory.poly, from, to, r, c, s, 1.0f, 0.0f, stream);
    } else {
      matmul(MatmulLayout::kNN, from, memory.poly, to, r, c, s, 1.0f, 0.0f, stream);
    }
    std::swap(from, to);
  }
}

}  // namespace

WB_REGISTER(NewtonSchulz, solution, newton_schulz_solution);

}  // namespace wb
