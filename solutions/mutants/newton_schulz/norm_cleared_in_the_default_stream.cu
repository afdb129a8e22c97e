// Mistake: the sum of squares is set to 0 by cudaMemset, which works in the default stream.
// Caught as: cudaMemset works in the default stream, not in the one that was passed
#include "solutions/mutants/newton_schulz/mutated.cuh"

namespace wb {
namespace {

using namespace mutant;

__global__ void squares_kernel(const float* x,   // (size)
                               float* partials,  // (1): their sum
                               std::int64_t size) {
  const float sum = sum_of_block(own_squares(x, size));
  if (threadIdx.x == 0) atomicAdd(partials, sum);
}

__global__ void divide_kernel(const float* x,         // (size)
                              const float* partials,  // (1)
                              float* out,             // (size), may be x
                              std::int64_t size) {
  scale_by(x, out, size, 1.0f / (sqrtf(partials[0]) + kNewtonSchulzEpsilon));
}

__global__ void polynomial_kernel(const float* gram,  // (S, S)
                                  float* poly,        // (S, S)
                                  int s) {
  start_polynomial(gram, poly, s);
}

void norm_cleared_in_the_default_stream(const float* x, float* out, float* scratch, int r, int c, int steps,
                                        Matmul::Function* matmul, cudaStream_t stream) {
  const NewtonSchulzScratch memory = divide_newton_schulz_scratch(scratch, r, c);
  const std::int64_t size = static_cast<std::int64_t>(r) * c;
  const unsigned blocks = blocks_for(size);
  const int s = std::min(r, c);
  float* from = steps % 2 == 0 ? out : memory.x;
  float* to = steps % 2 == 0 ? memory.x : out;
  WB_CUDA_CHECK(cudaMemset(memory.partials, 0, sizeof(float)));
  squares_kernel<<<blocks, kThreads, 0, stream>>>(x, memory.partials, size);
  divide_kernel<<<blocks, kThreads, 0, stream>>>(x, memory.partials, from, size);
  for (int step = 0; step < steps; ++step) {
    if (r <= c) matmul(MatmulLayout::kNT, from, from, memory.gram, s, s, c, 1.0f, 0.0f, stream);
    if (r > c) matmul(MatmulLayout::kTN, from, from, memory.gram, s, s, r, 1.0f, 0.0f, stream);
    polynomial_kernel<<<blocks_for(static_cast<std::int64_t>(s) * s), kThreads, 0, stream>>>(memory.gram,
                                                                                             memory.poly, s);
    matmul(MatmulLayout::kNN, memory.gram, memory.gram, memory.poly, s, s, s, kNewtonSchulzC, 1.0f, stream);
    if (r <= c) matmul(MatmulLayout::kNN, memory.poly, from, to, r, c, s, 1.0f, 0.0f, stream);
    if (r > c) matmul(MatmulLayout::kNN, from, memory.poly, to, r, c, s, 1.0f, 0.0f, stream);
    std::swap(from, to);
  }
  WB_CHECK_LAUNCH();
}

WB_REGISTER(NewtonSchulz, norm_cleared_in_the_default_stream, norm_cleared_in_the_default_stream);

}  // namespace
}  // namespace wb
