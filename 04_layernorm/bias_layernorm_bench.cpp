// Benchmark of bias_layernorm: one launch beside two, from a few rows to large matrices.
#include "04_layernorm/bias_layernorm.h"
#include "04_layernorm/testing/layernorm_bench_input.h"
#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/core/device_info.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

constexpr float kEpsilon = 1e-5f;

class BiasLayernormProblem {
 public:
  using Contract = wb::BiasLayernormForward;

  struct Buffers {
    wb::DeviceBuffer<float> x, bias, gamma, beta, y, mean, rstd;
  };

  BiasLayernormProblem(int n, int c) : n_(n), c_(c) {}

  std::string name() const { return std::to_string(n_) + " x " + std::to_string(c_); }

  // x read and y written: what one launch needs. 10 FLOPs per element, one of them for the bias.
  wb::Work work() const {
    const auto size = static_cast<double>(area());
    return {8.0 * size + 12.0 * c_ + 8.0 * n_, 10.0 * size};
  }

  std::size_t buffer_bytes() const { return 2 * area() * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    const auto parameter = [&](std::uint64_t which) {
      return wb::DeviceBuffer<float>(wb::layernorm_bench_input(1, c_, 1000 * which + seed));
    };
    return {wb::DeviceBuffer<float>(wb::layernorm_bench_input(n_, c_, seed)),
            parameter(1),
            parameter(2),
            parameter(3),
            wb::DeviceBuffer<float>(area()),
            wb::DeviceBuffer<float>(static_cast<std::size_t>(n_)),
            wb::DeviceBuffer<float>(static_cast<std::size_t>(n_))};
  }

  void clear(Buffers& b) const {
    for (auto* out : {&b.y, &b.mean, &b.rstd}) out->fill_bytes(0xFF);
  }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.x.data(), b.bias.data(), b.gamma.data(), b.beta.data(), b.y.data(), b.mean.data(),
             b.rstd.data(), n_, c_, kEpsilon, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(n_);
    std::vector<double> z = wb::to_double(wb::download_rows(b.x, rows, c_));
    const std::vector<float> bias = b.bias.download();
    for (std::size_t i = 0; i < z.size(); ++i) z[i] += static_cast<double>(bias[i % bias.size()]);
    const int count = static_cast<int>(rows.size());
    const auto expected = wb::layernorm_oracle(z, wb::to_double(b.gamma.download()),
                                               wb::to_double(b.beta.download()), count, c_, kEpsilon);
    return wb::matches(wb::download_rows(b.y, rows, c_), expected.y, {5e-6, 5e-6}, {{count, c_}});
  }

 private:
  std::size_t area() const { return static_cast<std::size_t>(n_) * static_cast<std::size_t>(c_); }
  int n_, c_;
};

std::vector<BiasLayernormProblem> problems() {
  if (wb::device_is_cpu()) return {{512, 1024}, {64, 8192}, {16, 32768}};
  return {{512, 8192}, {12288, 768}, {8192, 1024}, {16384, 8192}, {8192, 32768}};
}

const bool kAdded = wb::add_benchmark<BiasLayernormProblem>(problems);

}  // namespace
