#include "common/harness/implementation_test.h"

#include <fmt/format.h>

namespace wb::detail {
namespace {
bool g_device_is_lost = false;
}

bool device_is_lost() {
  return g_device_is_lost;
}

void synchronize_after(const std::string& what) {
  const cudaError_t unasked = cudaGetLastError();
  const cudaError_t code = cudaDeviceSynchronize();
  if (code == cudaSuccess && unasked == cudaSuccess) return;
  if (code == cudaSuccess) {
    throw CudaError(unasked,
                    fmt::format("{}: a CUDA call in it failed, and nothing asked for its error: {} ({}). Ask "
                                "after each launch: WB_CHECK_LAUNCH()",
                                what, cudaGetErrorName(unasked), cudaGetErrorString(unasked)));
  }
  static_cast<void>(cudaGetLastError());
  g_device_is_lost = cudaDeviceSynchronize() != cudaSuccess;
  throw CudaError(code, fmt::format("{}: the device stopped it: {} ({})", what, cudaGetErrorName(code),
                                    cudaGetErrorString(code)));
}

}  // namespace wb::detail
