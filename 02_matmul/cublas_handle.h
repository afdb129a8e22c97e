// A cuBLAS handle for a stream, and its errors as exceptions. For the CUDA device only.
#pragma once

#include <cublas_v2.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/core/device_buffer.h"
#include "common/core/error.h"

namespace wb {

/// Throws wb::Error saying which call of whom failed, and why.
inline void cublas_check(cublasStatus_t status, const char* call) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw Error(std::string(call) + " failed: " + cublasGetStatusName(status) + " (" +
              cublasGetStatusString(status) + ")");
}

/// A cuBLAS handle with a workspace of its own: without one, cuBLAS would allocate during a call, which a
/// CUDA graph capture must not see.
class CublasHandle {
 public:
  CublasHandle() : workspace_(kWorkspaceBytes) {
    cublas_check(cublasCreate(&handle_), "cublasCreate");
    // fp32 products with fp32 sums: no TF32, so that results compare with the other implementations.
    cublas_check(cublasSetMathMode(handle_, CUBLAS_DEFAULT_MATH), "cublasSetMathMode");
  }
  CublasHandle(const CublasHandle&) = delete;
  CublasHandle& operator=(const CublasHandle&) = delete;
  ~CublasHandle() { static_cast<void>(cublasDestroy(handle_)); }

  // cublasSetStream puts the default workspace back, hence the order.
  cublasHandle_t on(cudaStream_t stream) {
    cublas_check(cublasSetStream(handle_, stream), "cublasSetStream");
    cublas_check(cublasSetWorkspace(handle_, workspace_.data(), workspace_.bytes()), "cublasSetWorkspace");
    return handle_;
  }

 private:
  static constexpr std::size_t kWorkspaceBytes = 32u << 20;  // what NVIDIA recommends for Hopper

  DeviceBuffer<unsigned char> workspace_;
  cublasHandle_t handle_ = nullptr;
};

/// One handle for each host thread, since handles are not thread-safe, and for each device and stream, since
/// two streams must not share a workspace. Made at first use, which therefore must not be inside a graph
/// capture.
inline cublasHandle_t cublas_handle_for(cudaStream_t stream) {
  thread_local std::map<std::pair<int, cudaStream_t>, std::unique_ptr<CublasHandle>> handles;
  int device = 0;
  WB_CUDA_CHECK(cudaGetDevice(&device));
  std::unique_ptr<CublasHandle>& handle = handles[{device, stream}];
  if (handle == nullptr) handle = std::make_unique<CublasHandle>();
  return handle->on(stream);
}

}  // namespace wb
