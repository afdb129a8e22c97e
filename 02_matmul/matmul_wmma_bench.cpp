// Benchmark of matmul_wmma: squares from the size at which a product fills the device.
#include "02_matmul/matmul_wmma.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bf16.h"
#include "common/harness/matcher.h"
#include "common/harness/sizes.h"

namespace {

class MatmulWmmaProblem {
 public:
  using Contract = wb::MatmulWmma;

  struct Buffers {
    wb::DeviceBuffer<wb::bf16> a, b;  // (size, size) each
    wb::DeviceBuffer<float> c;        // (size, size)
  };

  explicit MatmulWmmaProblem(int size) : size_(size) {}

  std::string name() const { return std::to_string(size_); }

  // Two matrices read and one written; a multiplication and an addition for each of size^3 products.
  wb::Work work() const {
    return {.bytes = static_cast<double>(buffer_bytes()),
            .flops = 2.0 * static_cast<double>(elements()) * size_,
            .tensor_cores = true};
  }
  std::size_t buffer_bytes() const { return elements() * (2 * sizeof(wb::bf16) + sizeof(float)); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<wb::bf16>(wb::to_bf16(wb::random_uniform(elements(), 2 * seed))),
            wb::DeviceBuffer<wb::bf16>(wb::to_bf16(wb::random_uniform(elements(), 2 * seed + 1))),
            wb::DeviceBuffer<float>(elements())};
  }

  void clear(Buffers& buffers) const { buffers.c.fill_bytes(0xFF); }

  void call(Contract::Function* multiply, Buffers& buffers, cudaStream_t stream) const {
    multiply(buffers.a.data(), buffers.b.data(), buffers.c.data(), size_, size_, size_, stream);
  }

  // Freivalds (1977), as in matmul_bench.cpp: C x = A (B x) for a random x.
  testing::AssertionResult check(const Buffers& buffers) const {
    std::vector<double> x(static_cast<std::size_t>(size_));
    wb::Rng rng(7);
    for (double& value : x) value = rng.below(2) == 0 ? -1.0 : 1.0;
    const std::vector<double> expected =
        apply(wb::to_float(buffers.a.download()), apply(wb::to_float(buffers.b.download()), x));
    const std::vector<double> sums = apply(buffers.c.download(), x);
    const double tolerance = 1e-7 * size_ * std::sqrt(size_);
    return wb::matches(std::vector<float>(sums.begin(), sums.end()), expected, {tolerance, 1e-6}, {{size_}})
           << " (each element is the sum of a row of C, with random signs)";
  }

 private:
  std::size_t elements() const { return wb::area(size_, size_); }

  static std::vector<double> apply(const std::vector<float>& matrix, const std::vector<double>& x) {
    std::vector<double> y;
    for (std::size_t row = 0; row < x.size(); ++row) {
      double sum = 0;
      for (std::size_t column = 0; column < x.size(); ++column)
        sum += static_cast<double>(matrix[row * x.size() + column]) * x[column];
      y.push_back(sum);
    }
    return y;
  }

  int size_;
};

const bool kAdded = wb::add_benchmark<MatmulWmmaProblem>([]() -> std::vector<MatmulWmmaProblem> {
  using Problem = MatmulWmmaProblem;
  if (wb::device_is_cpu()) return {Problem(128), Problem(256)};
  return {Problem(1024), Problem(2048), Problem(4096), Problem(8192)};
});

}  // namespace
