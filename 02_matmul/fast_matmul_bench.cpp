// Benchmark of fast_matmul: squares from the size at which a product fills the device.
#include "02_matmul/fast_matmul.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"
#include "common/harness/sizes.h"

namespace {

class FastMatmulProblem {
 public:
  using Contract = wb::FastMatmul;

  struct Buffers {
    wb::DeviceBuffer<float> a, b, c;  // (size, size) each
  };

  explicit FastMatmulProblem(int size) : size_(size) {}

  std::string name() const { return std::to_string(size_); }

  // Two matrices read and one written; a multiplication and an addition for each of size^3 products.
  wb::Work work() const {
    return {static_cast<double>(buffer_bytes()), 2.0 * static_cast<double>(elements()) * size_};
  }
  std::size_t buffer_bytes() const { return 3 * elements() * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<float>(wb::random_uniform(elements(), 2 * seed)),
            wb::DeviceBuffer<float>(wb::random_uniform(elements(), 2 * seed + 1)),
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
    const std::vector<double> expected = apply(buffers.a, apply(buffers.b, x));
    const std::vector<double> sums = apply(buffers.c, x);
    const double tolerance = 1e-7 * size_ * std::sqrt(size_);
    return wb::matches(std::vector<float>(sums.begin(), sums.end()), expected, {tolerance, 1e-6}, {{size_}})
           << " (each element is the sum of a row of C, with random signs)";
  }

 private:
  std::size_t elements() const { return wb::area(size_, size_); }

  std::vector<double> apply(const wb::DeviceBuffer<float>& buffer, const std::vector<double>& x) const {
    const std::vector<float> matrix = buffer.download();
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

const bool kAdded = wb::add_benchmark<FastMatmulProblem>([]() -> std::vector<FastMatmulProblem> {
  using Problem = FastMatmulProblem;
  if (wb::device_is_cpu()) return {Problem(128), Problem(256)};
  return {Problem(1024), Problem(2048), Problem(4096), Problem(8192)};
});

}  // namespace
