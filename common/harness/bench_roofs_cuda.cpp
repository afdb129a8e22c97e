#include <cublas_v2.h>

#include <algorithm>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench_data.h"
#include "common/harness/bench_measure.h"
#include "common/harness/bench_roofs.h"

namespace wb::detail {
namespace {

constexpr int kSize = 8192;              // 3 matrices of 128 MiB; 1.1 TFLOP a product
constexpr int kWarmUp = 5, kCalls = 15;  // tens of milliseconds
constexpr int kFirstCapability = 80;     // bf16 on tensor cores

// Random numbers: zeros would need less power, so that the clock could be higher.
DeviceBuffer<bf16> random_matrix(std::uint64_t seed) {
  constexpr std::size_t kElements = std::size_t{kSize} * kSize, kDrawn = std::size_t{1} << 20;
  const std::vector<bf16> drawn = to_bf16(random_uniform(kDrawn, seed));
  DeviceBuffer<bf16> matrix(kElements);
  for (std::size_t at = 0; at < kElements; at += kDrawn) {
    WB_CUDA_CHECK(
        cudaMemcpy(matrix.data() + at, drawn.data(), kDrawn * sizeof(bf16), cudaMemcpyHostToDevice));
  }
  return matrix;
}

}  // namespace

double measure_bf16_product() {
  if (device_info().compute_capability < kFirstCapability) return 0;
  cublasHandle_t handle = nullptr;
  if (cublasCreate(&handle) != CUBLAS_STATUS_SUCCESS) return 0;
  const DeviceBuffer<bf16> a = random_matrix(1), b = random_matrix(2);
  DeviceBuffer<bf16> c(a.size());
  cudaEvent_t start, stop;
  WB_CUDA_CHECK(cudaEventCreate(&start));
  WB_CUDA_CHECK(cudaEventCreate(&stop));
  const float one = 1, zero = 0;
  bool multiplied = true;
  std::vector<double> seconds;
  for (int i = 0; i < kWarmUp + kCalls && multiplied; ++i) {
    WB_CUDA_CHECK(cudaEventRecord(start));
    multiplied = cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, kSize, kSize, kSize, &one, a.data(),
                              CUDA_R_16BF, kSize, b.data(), CUDA_R_16BF, kSize, &zero, c.data(), CUDA_R_16BF,
                              kSize, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS;
    WB_CUDA_CHECK(cudaEventRecord(stop));
    WB_CUDA_CHECK(cudaEventSynchronize(stop));
    float milliseconds = 0;
    WB_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, start, stop));
    if (i >= kWarmUp) seconds.push_back(1e-3 * static_cast<double>(milliseconds));
  }
  WB_CUDA_CHECK(cudaEventDestroy(start));
  WB_CUDA_CHECK(cudaEventDestroy(stop));
  cublasDestroy(handle);
  return multiplied ? 2.0 * kSize * kSize * kSize / summarize(seconds).median : 0;
}

}  // namespace wb::detail
