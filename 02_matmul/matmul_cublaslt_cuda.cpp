// Matrix product by cuBLASLt, the library below cuBLAS, whose caller chooses the algorithm.
//
// cuBLAS chooses by heuristics, which are not the best for some shapes. Here they name eight algorithms at
// the first call of a shape, and each is timed (matmul_cublaslt_choice.h). So this is the implementation to
// compare with if the same shape is multiplied many times, as in training. A choice is kept until the process
// ends, so that the same call gives the same bits. Another process may choose another algorithm, which adds
// in another order.
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <type_traits>
#include <utility>

#include "02_matmul/matmul_bias_gelu_check.h"
#include "02_matmul/matmul_check.h"
#include "02_matmul/matmul_cublaslt_choice.h"
#include "common/core/bf16.h"
#include "common/core/implementations.h"
#include "common/core/registry.h"

namespace wb {
namespace {

// Lets this thread allocate although a stream is being captured: what is allocated is no part of the graph.
class OutsideCapture {
 public:
  OutsideCapture() { WB_CUDA_CHECK(cudaThreadExchangeStreamCaptureMode(&mode_)); }
  OutsideCapture(const OutsideCapture&) = delete;
  OutsideCapture& operator=(const OutsideCapture&) = delete;
  ~OutsideCapture() { static_cast<void>(cudaThreadExchangeStreamCaptureMode(&mode_)); }

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

// Owned by the process for as long as the thread lives, as cuBLAS's handles are (cublas_handle.h): two
// streams must not share a workspace.
class CublasLt {
 public:
  CublasLt() : workspace_(kCublasLtWorkspace) { cublas_check(cublasLtCreate(&handle_), "cublasLtCreate"); }
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;
  ~CublasLt() { static_cast<void>(cublasLtDestroy(handle_)); }

  static CublasLt& of(cudaStream_t stream) {
    thread_local std::map<std::pair<int, cudaStream_t>, std::unique_ptr<CublasLt>> all;
    int device = 0;
    WB_CUDA_CHECK(cudaGetDevice(&device));
    std::unique_ptr<CublasLt>& one = all[{device, stream}];
    if (one == nullptr) {
      const OutsideCapture may_allocate;
      one = std::make_unique<CublasLt>();
    }
    return *one;
  }
  cublasLtHandle_t handle() const { return handle_; }
  void* workspace() { return workspace_.data(); }

 private:
  DeviceBuffer<unsigned char> workspace_;
  cublasLtHandle_t handle_ = nullptr;
};

unsigned alignment_of(const void* pointer) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer) | kCublasLtAlignment;
  return 1u << std::countr_zero(address);
}

template <class T>
constexpr cudaDataType_t kDataType = std::is_same_v<T, bf16> ? CUDA_R_16BF : CUDA_R_32F;

void run_kept(const CublasLtProblem& problem, CublasLtCall call, cudaStream_t stream) {
  CublasLt& library = CublasLt::of(stream);
  call.workspace = library.workspace();
  CublasLtProduct described(problem);
  const cublasLtMatmulAlgo_t algorithm = cublaslt_choice(library.handle(), problem, described, call, stream);
  cublas_check(described.run(library.handle(), algorithm, call, stream), "matmul cublaslt: cublasLtMatmul");
}

template <cublasComputeType_t kCompute, class T, class Out>
void product(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
             float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  const CublasLtProblem problem = {.layout = layout,
                                   .m = m,
                                   .n = n,
                                   .k = k,
                                   .in = kDataType<T>,
                                   .out = kDataType<Out>,
                                   .compute = kCompute,
                                   .accumulates = beta != 0.0f,
                                   .a_alignment = alignment_of(a),
                                   .b_alignment = alignment_of(b),
                                   .c_alignment = alignment_of(c)};
  run_kept(problem, {.a = a, .b = b, .c = c, .result = c, .alpha = alpha, .beta = beta}, stream);
}

template <class T, class Out>
void matmul_cublaslt(MatmulLayout layout, const T* a, const T* b, Out* c, int m, int n, int k, float alpha,
                     float beta, cudaStream_t stream) {
  product<CUBLAS_COMPUTE_32F>(layout, a, b, c, m, n, k, alpha, beta, stream);
}

void matmul_tf32_cublaslt(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                          float alpha, float beta, cudaStream_t stream) {
  product<CUBLAS_COMPUTE_32F_FAST_TF32>(layout, a, b, c, m, n, k, alpha, beta, stream);
}

// cuBLASLt's epilogue: its GELU is the form with tanh. What it assumes about a bias is not documented, so it
// is told to assume of c no more than holds for the bias too. Where rows are not made of 16-byte pieces, none
// of its algorithms may run, or one that rounds the product to bf16 before the epilogue: there the two
// kernels do it.
void matmul_bias_gelu_library(const bf16* x, const bf16* w, const bf16* bias, bf16* y, int m, int n, int k,
                              cudaStream_t stream) {
  require_matmul_bias_gelu(x, w, bias, y, m, n, k);
  const unsigned aligned = std::min({alignment_of(x), alignment_of(w), alignment_of(bias), alignment_of(y)});
  if (aligned < 16 || n % 8 != 0 || k % 8 != 0) {
    static MatmulBiasGeluBf16::Function* const two_kernels =
        find_implementation<MatmulBiasGeluBf16>("two_kernels").function;
    return two_kernels(x, w, bias, y, m, n, k, stream);
  }
  const CublasLtProblem problem = {.layout = MatmulLayout::kNT,
                                   .m = m,
                                   .n = n,
                                   .k = k,
                                   .in = CUDA_R_16BF,
                                   .out = CUDA_R_16BF,
                                   .compute = CUBLAS_COMPUTE_32F,
                                   .accumulates = false,
                                   .a_alignment = alignment_of(x),
                                   .b_alignment = alignment_of(w),
                                   .c_alignment = std::min(alignment_of(y), alignment_of(bias)),
                                   .bias_gelu = true};
  run_kept(problem, {.a = x, .b = w, .c = y, .result = y, .alpha = 1.0f, .beta = 0.0f, .bias = bias}, stream);
}

}  // namespace

WB_REGISTER(MatmulTf32, cublaslt, matmul_tf32_cublaslt);
WB_REGISTER(Matmul, cublaslt, matmul_cublaslt);
WB_REGISTER(MatmulBf16, cublaslt, matmul_cublaslt);
WB_REGISTER(MatmulBf16ToFloat, cublaslt, matmul_cublaslt);
WB_REGISTER(MatmulBiasGeluBf16, library, matmul_bias_gelu_library);

}  // namespace wb
