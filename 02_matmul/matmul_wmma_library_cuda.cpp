// Matrix product of bf16 with fp32 results by cuBLAS, the vendor's library.
//
// cuBLAS is column-major. A row-major matrix read as column-major is its transpose, so the call computes the
// row-major product C = A B as C^T = B^T A^T: swap the operands and M with N.
//
// Needs: sm_80
#include <cublas_v2.h>

#include "02_matmul/cublas_handle.h"
#include "02_matmul/matmul_wmma.h"
#include "02_matmul/matmul_wmma_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kFragment = 16;

void matmul_wmma_library(const bf16* a, const bf16* b, float* c, int m, int n, int k, cudaStream_t stream) {
  check_matmul_wmma(a, b, c, m, n, k, 2 * kFragment);
  const float one = 1.0f, zero = 0.0f;
  cublas_check(
      cublasGemmEx(cublas_handle_for(stream), CUBLAS_OP_N, CUBLAS_OP_N, n, m, k, &one, b, CUDA_R_16BF, n, a,
                   CUDA_R_16BF, k, &zero, c, CUDA_R_32F, n, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
      "matmul_wmma library: cublasGemmEx");
}

}  // namespace

WB_REGISTER(MatmulWmma, library, matmul_wmma_library);

}  // namespace wb
