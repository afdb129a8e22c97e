// Benchmark of residual_rmsnorm: one launch beside two, float and bf16.
#include "05_rmsnorm_rope/residual_rmsnorm.h"
#include "05_rmsnorm_rope/testing/rmsnorm_bench_rows.h"
#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"

namespace {

constexpr float kEpsilon = 1e-5f;

template <class ContractOf, class T>
class Problem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> x, residual, weight, sum, y;
    wb::DeviceBuffer<float> rstd;
  };

  explicit Problem(wb::RmsnormBenchSize size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // x and residual read, sum and y written: what one launch needs. 5 FLOPs per element, one of them to add.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {sizeof(T) * (4 * area + size_.c) + 4.0 * size_.n, 5.0 * area};
  }

  std::size_t buffer_bytes() const { return 4 * size_.area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(size_.area(), seed, -1.0f, 1.0f)),
            wb::to_device<T>(wb::random_uniform(size_.area(), seed + 2000, -1.0f, 1.0f)),
            wb::to_device<T>(wb::random_uniform(static_cast<std::size_t>(size_.c), seed + 1000, 0.5f, 1.5f)),
            wb::DeviceBuffer<T>(size_.area()),
            wb::DeviceBuffer<T>(size_.area()),
            wb::DeviceBuffer<float>(static_cast<std::size_t>(size_.n))};
  }

  void clear(Buffers& b) const {
    b.sum.fill_bytes(0xFF);
    b.y.fill_bytes(0xFF);
    b.rstd.fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.x.data(), b.residual.data(), b.weight.data(), b.sum.data(), b.y.data(), b.rstd.data(), size_.n,
             size_.c, kEpsilon, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const int count = static_cast<int>(rows.size());
    std::vector<double> total = wb::double_rows(b.x, rows, size_.c);
    const std::vector<double> more = wb::double_rows(b.residual, rows, size_.c);
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += more[i];
    const wb::Shape shape{{count, size_.c}};
    const std::vector<float> stored = wb::download_rows(b.sum, rows, size_.c);
    if (auto sum = wb::matches(stored, total, wb::stored_as<T>({1e-7, 1e-7}), shape); !sum)
      return sum << " sum";
    // The norm is that of the sum as it is stored.
    const auto expected = wb::rmsnorm_oracle(wb::to_double(stored), wb::double_rows(b.weight, {0}, size_.c),
                                             count, size_.c, kEpsilon);
    if (auto rstd = wb::matches(wb::download_rows(b.rstd, rows, 1), expected.rstd, {1e-6, 5e-6}); !rstd) {
      return rstd << " rstd";
    }
    return wb::matches(wb::download_rows(b.y, rows, size_.c), expected.y, wb::stored_as<T>({1e-6, 5e-6}),
                       shape);
  }

 private:
  wb::RmsnormBenchSize size_;
};

template <class P>
std::vector<P> problems() {
  std::vector<P> list;
  for (const auto& size : wb::rmsnorm_bench_sizes()) list.emplace_back(size);
  return list;
}

using Fp32 = Problem<wb::ResidualRmsnormForward, float>;
using Bf16 = Problem<wb::ResidualRmsnormForwardBf16, wb::bf16>;
const bool kFp32 = wb::add_benchmark<Fp32>(problems<Fp32>);
const bool kBf16 = wb::add_benchmark<Bf16>(problems<Bf16>);

}  // namespace
