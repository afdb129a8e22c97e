// What Clang in an editor includes before a kernel file (tools/workbook/editor.py). It reads the file as CUDA
// for the host: <<<...>>> and `extern __shared__` are Clang's own there, and everything else is simt's
// headers.
#pragma once

// A kernel may call any function: simt's are ordinary functions of the host, and so are those of the C++
// library.
#pragma clang force_cuda_host_device begin

#ifndef __CUDACC__
#define __CUDACC__ 1
#endif
#include "cuda_runtime.h"

// Clang launches only what is a kernel to it, and accepts `extern T name[]` inside a function only for shared
// memory.
#undef __global__
#undef __shared__
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))

// Clang looks for these by name: what <<<...>>> means, before and since CUDA 9.2.
extern "C" cudaError_t cudaConfigureCall(dim3 grid, dim3 block, std::size_t shared = 0,
                                         cudaStream_t stream = nullptr);
extern "C" unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared = 0,
                                                cudaStream_t stream = nullptr);
