// Matrix product by cuBLAS: what the vendor's engineers reach, in fp32 without tensor cores, and in bf16 with
// them.
//
// cuBLAS is column-major. A row-major matrix read as column-major is its transpose, so the row-major product
// C = op(A) op(B) is asked for as C^T = op(B)^T op(A)^T: swap the operands and M with N, keep every N and T.
#include <cublas_v2.h>

#include <cstddef>
#include <map>
#include <memory>
#include <type_traits>
#include <utility>

#include "02_matmul/matmul.h"
#include "02_matmul/matmul_check.h"
#include "common/core/device_buffer.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// What NVIDIA recommends for Hopper.
constexpr std::size_t kWorkspaceBytes = 32u << 20;

void check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(std::string("matmul library: ") + call + " failed: " + cublasGetStatusName(status) + " (" +
              cublasGetStatusString(status) + ")");
}

// A cuBLAS handle with a workspace of its own: without one, cuBLAS would allocate during a call, which a CUDA
// graph capture must not see.
class Handle {
 public:
  Handle() : workspace_(kWorkspaceBytes) {
    check(cublasCreate(&handle_), "cublasCreate");
    // fp32 products with fp32 sums: no TF32, so that results compare with the other implementations.
    check(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { static_cast<void>(cublasDestroy(handle_)); }

  // cublasSetStream puts the default workspace back, hence the order.
  cublasHandle_t on(cudaStream_t stream) {
    check(cublasSetStream(handle_, stream), "cublasSetStream");
    check(cublasSetWorkspace(handle_, workspace_.data(), workspace_.bytes()), "cublasSetWorkspace");
    return handle_;
  }

 private:
  DeviceBuffer<unsigned char> workspace_;
  cublasHandle_t handle_ = nullptr;
};

// One handle for each host thread, since handles are not thread-safe, and for each device and stream, since
// two streams must not share a workspace. Made at first use, which therefore must not be inside a graph
// capture.
cublasHandle_t handle_for(cudaStream_t stream) {
  thread_local std::map<std::pair<int, cudaStream_t>, std::unique_ptr<Handle>> handles;
  int device = 0;
  WB_CUDA_CHECK(cudaGetDevice(&device));
  std::unique_ptr<Handle>& handle = handles[{device, stream}];
  if (handle == nullptr) handle = std::make_unique<Handle>();
  return handle->on(stream);
}

template <class T>
constexpr cudaDataType_t kDataType = std::is_same_v<T, bf16> ? CUDA_R_16BF : CUDA_R_32F;

template <class T, class Out>
void matmul_library(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
                    float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const bool a_transposed = layout == MatmulLayout::kTN;
  const bool b_transposed = layout == MatmulLayout::kNT;
  const int a_columns = a_transposed ? m : k;
  const int b_columns = b_transposed ? k : n;
  check(cublasGemmEx(handle_for(stream), b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                     a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k, &alpha, b, kDataType<T>, b_columns, a,
                     kDataType<T>, a_columns, &beta, c, kDataType<Out>, n, CUBLAS_COMPUTE_32F,
                     CUBLAS_GEMM_DEFAULT),
        "cublasGemmEx");
}

}  // namespace

WB_REGISTER(Matmul, library, matmul_library);
WB_REGISTER(MatmulBf16, library, matmul_library);
WB_REGISTER(MatmulBf16ToFloat, library, matmul_library);

}  // namespace wb
