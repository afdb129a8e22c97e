// Attention by cuDNN: plans for its graphs, built once for each shape and kept. For the CUDA device only.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>

#include "06_flash_attention/attention.h"

namespace wb {

/// The arguments of AttentionForwardBf16.
struct CudnnForward {
  HeadsView<const bf16> q, k, v;  // (B, T, H or K, D)
  HeadsView<bf16> out;            // (B, T, H, D)
  float* lse;                     // (B, H, T)
  AttentionShape shape;
};

/// The arguments of AttentionBackwardBf16.
struct CudnnBackward {
  HeadsView<const bf16> dout, q, k, v, out;
  const float* lse;
  HeadsView<bf16> dq, dk, dv;
  void* workspace;  // (cudnn_workspace) bytes, at a multiple of kCudnnAlignment
  AttentionShape shape;
};
inline constexpr std::size_t kCudnnAlignment = 256;

/// Whether cuDNN has kernels for this shape on this device. Their tensors have to be such that 16 bytes of a
/// head can be read at a time.
bool cudnn_has(const AttentionShape& shape);

/// Launch on `stream`. The first call of a shape, with these strides and on this thread, builds the plan:
/// that takes part of a second, and must not be inside a graph capture. Errors: wb::Error with cuDNN's own
/// words.
void cudnn_forward(const CudnnForward& pass, cudaStream_t stream);
void cudnn_backward(const CudnnBackward& pass, cudaStream_t stream);

/// Bytes that a backward pass over contiguous (B, T, heads, D) tensors uses. Builds its plan.
std::size_t cudnn_workspace(const AttentionShape& shape);

}  // namespace wb
