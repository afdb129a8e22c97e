#include "07_tinyllama/train/roof.h"

#include <algorithm>
#include <limits>

#include "common/core/bf16.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"

namespace wb {
namespace {

constexpr int kRepeats = 5;
constexpr std::size_t kCopyBytes = std::size_t{64} << 20;
constexpr std::size_t kCopyBytesCpu = std::size_t{32} << 20;
constexpr int kMatmulSize = 4096;
constexpr int kMatmulSizeCpu = 512;

struct Event {
  cudaEvent_t event = nullptr;
  Event() { WB_CUDA_CHECK(cudaEventCreate(&event)); }
  ~Event() { cudaEventDestroy(event); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

// The fastest of a few calls, in seconds, after one that warms up.
template <class Call>
double fastest(Call&& call) {
  Event begin, end;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i <= kRepeats; ++i) {
    WB_CUDA_CHECK(cudaEventRecord(begin.event));
    call();
    WB_CUDA_CHECK(cudaEventRecord(end.event));
    WB_CUDA_CHECK(cudaEventSynchronize(end.event));
    float ms = 0.0f;
    WB_CUDA_CHECK(cudaEventElapsedTime(&ms, begin.event, end.event));
    if (i > 0) best = std::min(best, 1e-3 * static_cast<double>(ms));
  }
  return best;
}

// FLOPs per second of an (n, n) product of matrices of T.
template <class T>
double product_flops(const Kernels<T>& kernels, int n) {
  const auto size = static_cast<std::size_t>(n) * static_cast<std::size_t>(n);
  const std::vector<float> values = random_uniform(size, 1);
  std::vector<T> stored(size);
  std::transform(values.begin(), values.end(), stored.begin(), [](float x) { return from_float<T>(x); });
  const DeviceBuffer<T> a(stored), b(stored);
  DeviceBuffer<T> c(size);
  const double seconds = fastest(
      [&] { kernels.matmul(MatmulLayout::kNT, a.data(), b.data(), c.data(), n, n, n, 1.0f, 0.0f, nullptr); });
  return 2.0 * static_cast<double>(n) * n * n / seconds;
}

}  // namespace

Roofs measure_roofs(const KernelSet& kernels) {
  Roofs roofs;
  roofs.matmul_size = device_is_cpu() ? kMatmulSizeCpu : kMatmulSize;
  roofs.flops = kernels.precision == Precision::kBf16 ? product_flops(kernels.bf16, roofs.matmul_size)
                                                      : product_flops(kernels.of<float>(), roofs.matmul_size);
  const std::size_t bytes = device_is_cpu() ? kCopyBytesCpu : kCopyBytes;
  DeviceBuffer<unsigned char> from(bytes), to(bytes);
  from.fill_bytes(1);
  const double seconds = fastest([&] {
    WB_CUDA_CHECK(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, nullptr));
  });
  roofs.bytes_per_second = 2.0 * static_cast<double>(bytes) / seconds;
  return roofs;
}

double flops_per_token(const ModelConfig& config) {
  double matrices = 0.0;
  const TensorTable table = parameter_table(config);
  for (const TensorEntry& entry : table.entries()) {
    if (entry.shape.size() == 2) matrices += static_cast<double>(entry.elements());
  }
  return 6.0 * matrices + 6.0 * config.l * static_cast<double>(config.t) * config.c;
}

double optimizer_bytes(const ModelConfig& config) {
  return 28.0 * static_cast<double>(parameter_table(config).elements());
}

double least_step_seconds(const ModelConfig& config, double tokens, const Roofs& roofs) {
  return tokens * flops_per_token(config) / roofs.flops + optimizer_bytes(config) / roofs.bytes_per_second;
}

}  // namespace wb
