// cuBLASLt's algorithm for a product: several are asked for once, timed once, and the fastest is kept. For
// the CUDA device only.
#pragma once

#include <cublasLt.h>

#include <compare>
#include <cstddef>
#include <vector>

#include "02_matmul/cublas_handle.h"
#include "02_matmul/matmul.h"

namespace wb {

/// What an algorithm is chosen for. Numbers that change from call to call are not part of it.
struct CublasLtProblem {
  MatmulLayout layout;
  int m, n, k;
  cudaDataType_t in, out;
  cublasComputeType_t compute;
  bool accumulates;      // beta is not 0
  unsigned a_alignment;  // bytes, a power of 2, at most kCublasLtAlignment
  unsigned b_alignment;
  unsigned c_alignment;
  bool bias_gelu = false;  // C = gelu(alpha op(A) op(B) + bias), in the same kernel

  auto operator<=>(const CublasLtProblem&) const = default;
};
inline constexpr unsigned kCublasLtAlignment = 256;           // what cuBLASLt assumes unless it is told less
inline constexpr std::size_t kCublasLtWorkspace = 32u << 20;  // what NVIDIA recommends for Hopper

/// The arguments of a call. `result` is c, or memory of the same size where c must stay as it is.
struct CublasLtCall {
  const void* a;
  const void* b;
  const void* c;
  void* result;
  float alpha, beta;
  void* workspace = nullptr;   // (kCublasLtWorkspace) bytes, of this stream alone
  const void* bias = nullptr;  // (N), of the type of c, for bias_gelu
};

/// A product as cuBLASLt describes it. cuBLASLt is column-major, as cuBLAS is (matmul_library_cuda.cpp):
/// C^T = op(B)^T op(A)^T.
class CublasLtProduct {
 public:
  explicit CublasLtProduct(const CublasLtProblem& problem);
  cublasStatus_t run(cublasLtHandle_t handle, const cublasLtMatmulAlgo_t& algorithm, const CublasLtCall& call,
                     cudaStream_t stream);
  /// Up to `wanted` algorithms, the most promising first, by cuBLASLt's rules of thumb. Errors: there is
  /// none.
  std::vector<cublasLtMatmulAlgo_t> promising(cublasLtHandle_t handle, const CublasLtProblem& problem,
                                              int wanted);

 private:
  std::vector<cublasLtMatmulAlgo_t> promising(cublasLtHandle_t handle,
                                              cublasLtMatmulPreferenceOpaque_t& preference, int wanted);

  // In memory of our own: nothing is allocated in a call.
  cublasLtMatmulDescOpaque_t product_;
  cublasLtMatrixLayoutOpaque_t first_, second_, result_;  // op(B)^T, op(A)^T, C^T
};

/// The algorithm that is kept for this problem on this device, for as long as the process lives. The first
/// call chooses: it waits for `stream`, and times each promising algorithm in a CUDA graph. While the stream
/// is captured nothing can be timed, so the most promising one is kept then. Any thread may call it.
cublasLtMatmulAlgo_t cublaslt_choice(cublasLtHandle_t handle, const CublasLtProblem& problem,
                                     CublasLtProduct& product, const CublasLtCall& call, cudaStream_t stream);

}  // namespace wb
