// Matrix product by cuBLAS, the vendor's library: in fp32 without tensor cores, and in tf32 and bf16 with
// them.
//
// cuBLAS is column-major. A row-major matrix read as column-major is its transpose, so the call computes the
// row-major product C = op(A) op(B) as C^T = op(B)^T op(A)^T: swap the operands and M with N, keep every N
// and T.
#include <cublas_v2.h>

#include <type_traits>

#include "02_matmul/cublas_handle.h"
#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/bf16.h"
#include "common/core/registry.h"

namespace wb {
namespace {

template <class T>
constexpr cudaDataType_t kDataType = std::is_same_v<T, bf16> ? CUDA_R_16BF : CUDA_R_32F;

template <cublasComputeType_t kCompute, class T, class Out>
void product(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
             float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const bool a_transposed = layout == MatmulLayout::kTN;
  const bool b_transposed = layout == MatmulLayout::kNT;
  const int a_columns = a_transposed ? m : k;
  const int b_columns = b_transposed ? k : n;
  cublas_check(
      cublasGemmEx(cublas_handle_for(stream), b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                   a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &alpha, b, kDataType<T>, b_columns, a,
                   kDataType<T>, a_columns, &beta, c, kDataType<Out>, n, kCompute, CUBLAS_GEMM_DEFAULT),
      "matmul library: cublasGemmEx");
}

template <class T, class Out>
void matmul_library(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
                    float beta, cudaStream_t stream) {
  product<CUBLAS_COMPUTE_32F>(layout, a, b, c, m, n, k, alpha, beta, stream);
}

void matmul_tf32_library(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                         float alpha, float beta, cudaStream_t stream) {
  product<CUBLAS_COMPUTE_32F_FAST_TF32>(layout, a, b, c, m, n, k, alpha, beta, stream);
}

}  // namespace

WB_REGISTER(MatmulTf32, library, matmul_tf32_library);
WB_REGISTER(Matmul, library, matmul_library);
WB_REGISTER(MatmulBf16, library, matmul_library);
WB_REGISTER(MatmulBf16ToFloat, library, matmul_library);

}  // namespace wb
