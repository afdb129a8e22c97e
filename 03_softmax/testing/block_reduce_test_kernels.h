// Kernels that call block_reduce.cuh, for its test.
#pragma once

#include <cuda_runtime.h>

namespace wb {

/// sums[r, t] = sum over all threads s of values[s] + r, as thread t got it in the r-th of `rounds` sums in a
/// row; maxima likewise. One block.
void reduce_again_and_again(const float* values,  // (threads)
                            float* sums,          // (rounds, threads)
                            float* maxima,        // (rounds, threads)
                            int rounds, int threads, cudaStream_t stream);

}  // namespace wb
