// Benchmark of dgamma, from few columns, where a thread per column leaves a GPU idle, to many.
#include "04_layernorm/dgamma.h"

#include <cmath>
#include <string>
#include <vector>

#include "04_layernorm/testing/layernorm_bench_input.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

class DgammaProblem {
 public:
  using Contract = wb::Dgamma;
  static constexpr bool kAccumulates = true;

  struct Buffers {
    wb::DeviceBuffer<float> dy, x, mean, rstd, dgamma;
  };

  DgammaProblem(int n, int c) : n_(n), c_(c) {}

  std::string name() const { return std::to_string(n_) + " x " + std::to_string(c_); }

  // dy and x read; per element 2 FLOPs for xhat, 2 for the sum.
  wb::Work work() const {
    const auto elements = static_cast<double>(area());
    return {8.0 * elements + 8.0 * n_ + 8.0 * c_, 4.0 * elements};
  }
  std::size_t buffer_bytes() const { return 2 * area() * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    const auto rows = static_cast<std::size_t>(n_), columns = static_cast<std::size_t>(c_);
    return {wb::DeviceBuffer<float>(wb::random_uniform(area(), seed + 3000)),
            wb::DeviceBuffer<float>(wb::layernorm_bench_input(n_, c_, seed)),
            wb::DeviceBuffer<float>(wb::random_uniform(rows, seed + 4000, 0.4f, 0.6f)),
            wb::DeviceBuffer<float>(wb::random_uniform(rows, seed + 5000, 1.0f, 1.2f)),
            wb::DeviceBuffer<float>(columns)};
  }

  void clear(Buffers& b) const { b.dgamma.fill_bytes(0); }

  void call(Contract::Function* dgamma, Buffers& b, cudaStream_t stream) const {
    dgamma(b.dy.data(), b.x.data(), b.mean.data(), b.rstd.data(), b.dgamma.data(), n_, c_, stream);
  }

  // Sums over all rows, so that no row can be left out.
  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<float> mean = b.mean.download(), rstd = b.rstd.download();
    std::vector<double> dgamma(static_cast<std::size_t>(c_));
    wb::add_rows(b.dy, b.x, n_, c_,
                 [&](std::size_t row, std::size_t begin, std::size_t end, const float* dy, const float* x) {
                   const auto center = static_cast<double>(mean[row]), scale = static_cast<double>(rstd[row]);
                   for (std::size_t i = begin; i < end; ++i) {
                     dgamma[i] += static_cast<double>(dy[i]) * (static_cast<double>(x[i]) - center) * scale;
                   }
                 });
    return wb::matches(b.dgamma.download(), dgamma, {1e-5 * std::sqrt(n_) + 1e-7 * n_, 1e-4});
  }

 private:
  std::size_t area() const { return static_cast<std::size_t>(n_) * static_cast<std::size_t>(c_); }
  int n_, c_;
};

const bool kAdded = wb::add_benchmark<DgammaProblem>([] {
  if (wb::device_is_cpu()) return std::vector<DgammaProblem>{{1024, 768}, {512, 1024}, {64, 8192}};
  return std::vector<DgammaProblem>{{12288, 768}, {8192, 1024}, {16384, 8192}, {8192, 32768}};
});

}  // namespace
