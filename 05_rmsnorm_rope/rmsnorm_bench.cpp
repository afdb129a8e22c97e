// Benchmark of rmsnorm, forward and backward, float and bf16: from short rows to rows that fill a block.
#include <cmath>

#include "05_rmsnorm_rope/rmsnorm.h"
#include "05_rmsnorm_rope/testing/rmsnorm_bench_rows.h"
#include "05_rmsnorm_rope/testing/rmsnorm_oracle.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"

namespace {

constexpr float kEpsilon = 1e-5f;

template <class ContractOf, class T>
class ForwardProblem {
 public:
  using Contract = ContractOf;
  static constexpr bool kBf16 = sizeof(T) == 2;

  struct Buffers {
    wb::DeviceBuffer<T> x, weight, y;
    wb::DeviceBuffer<float> rstd;
  };

  explicit ForwardProblem(wb::RmsnormBenchSize size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // x read and y written; per element 2 FLOPs for the sum of squares, 2 to scale.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {sizeof(T) * (2 * area + size_.c) + 4.0 * size_.n, 4.0 * area};
  }

  std::size_t buffer_bytes() const { return 2 * size_.area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(size_.area(), seed, -1.0f, 1.0f)),
            wb::to_device<T>(wb::random_uniform(static_cast<std::size_t>(size_.c), seed + 1000, 0.5f, 1.5f)),
            wb::DeviceBuffer<T>(size_.area()), wb::DeviceBuffer<float>(static_cast<std::size_t>(size_.n))};
  }

  void clear(Buffers& b) const {
    b.y.fill_bytes(0xFF);
    b.rstd.fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.x.data(), b.weight.data(), b.y.data(), b.rstd.data(), size_.n, size_.c, kEpsilon, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const int count = static_cast<int>(rows.size());
    const auto expected =
        wb::rmsnorm_oracle(wb::double_rows(b.x, rows, size_.c), wb::double_rows(b.weight, {0}, size_.c),
                           count, size_.c, kEpsilon);
    if (auto rstd = wb::matches(wb::download_rows(b.rstd, rows, 1), expected.rstd, {1e-6, 5e-6}); !rstd) {
      return rstd << " rstd";
    }
    return wb::matches(wb::download_rows(b.y, rows, size_.c), expected.y, wb::stored_as<T>({1e-6, 5e-6}),
                       {{count, size_.c}});
  }

 private:
  wb::RmsnormBenchSize size_;
};

template <class ContractOf, class T>
class BackwardProblem {
 public:
  using Contract = ContractOf;
  static constexpr bool kAccumulates = true;  // dweight
  static constexpr bool kBf16 = sizeof(T) == 2;

  struct Buffers {
    wb::DeviceBuffer<T> dy, x, weight, dx;
    wb::DeviceBuffer<float> rstd, dweight, scratch;
  };

  explicit BackwardProblem(wb::RmsnormBenchSize size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // dy and x read, dx written; per element 3 FLOPs for the mean, 3 for dx, 3 for dweight.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {sizeof(T) * (3 * area + size_.c) + 8.0 * size_.c + 4.0 * size_.n, 9.0 * area};
  }

  std::size_t buffer_bytes() const { return 3 * size_.area() * sizeof(T); }

  // Any rstd will do: the formula does not ask where it comes from.
  Buffers allocate(std::uint64_t seed) const {
    const auto rows = static_cast<std::size_t>(size_.n), columns = static_cast<std::size_t>(size_.c);
    return {wb::to_device<T>(wb::random_uniform(size_.area(), seed + 3000, -1.0f, 1.0f)),
            wb::to_device<T>(wb::random_uniform(size_.area(), seed, -1.0f, 1.0f)),
            wb::to_device<T>(wb::random_uniform(columns, seed + 1000, 0.5f, 1.5f)),
            wb::DeviceBuffer<T>(size_.area()),
            wb::DeviceBuffer<float>(wb::random_uniform(rows, seed + 4000, 1.6f, 1.8f)),
            wb::DeviceBuffer<float>(columns),
            wb::DeviceBuffer<float>(wb::rmsnorm_backward_scratch(size_.c))};
  }

  void clear(Buffers& b) const {
    b.dx.fill_bytes(0xFF);
    b.scratch.fill_bytes(0xFF);
    b.dweight.fill_bytes(0);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.dy.data(), b.x.data(), b.weight.data(), b.rstd.data(), b.dx.data(), b.dweight.data(),
             b.scratch.data(), size_.n, size_.c, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const int count = static_cast<int>(rows.size());
    const auto expected = wb::rmsnorm_backward_oracle(
        wb::double_rows(b.dy, rows, size_.c), wb::double_rows(b.x, rows, size_.c),
        wb::double_rows(b.weight, {0}, size_.c), wb::double_rows(b.rstd, rows, 1), count, size_.c);
    if (auto dx = wb::matches(wb::download_rows(b.dx, rows, size_.c), expected.dx,
                              wb::stored_as<T>({1e-5, 1e-5}), {{count, size_.c}});
        !dx) {
      return dx << " dx";
    }
    return check_dweight(b);
  }

 private:
  // Sums over all rows, so that no row can be left out.
  testing::AssertionResult check_dweight(const Buffers& b) const {
    const std::vector<float> rstd = b.rstd.download();
    std::vector<double> expected(static_cast<std::size_t>(size_.c));
    wb::add_rows(b.dy, b.x, size_.n, size_.c,
                 [&](std::size_t row, std::size_t begin, std::size_t end, const T* dy, const T* x) {
                   const auto scale = static_cast<double>(rstd[row]);
                   for (std::size_t i = begin; i < end; ++i) {
                     expected[i] += static_cast<double>(wb::to_float(dy[i])) *
                                    static_cast<double>(wb::to_float(x[i])) * scale;
                   }
                 });
    const wb::Tolerance tolerance{1e-5 * std::sqrt(size_.n) + 1e-7 * size_.n, 1e-4};
    return wb::matches(b.dweight.download(), expected, tolerance, {{size_.c}}) << " dweight";
  }

  wb::RmsnormBenchSize size_;
};

// 16384 x 4096 in bf16: a batch of a model of 7 billion parameters.
template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const auto& size : wb::rmsnorm_bench_sizes()) list.emplace_back(size);
  if (Problem::kBf16 && !wb::device_is_cpu()) list.emplace_back(wb::RmsnormBenchSize{16384, 4096});
  return list;
}

template <class Problem>
bool add() {
  return wb::add_benchmark<Problem>(problems<Problem>);
}

const bool kForward = add<ForwardProblem<wb::RmsnormForward, float>>();
const bool kBackward = add<BackwardProblem<wb::RmsnormBackward, float>>();
const bool kForwardBf16 = add<ForwardProblem<wb::RmsnormForwardBf16, wb::bf16>>();
const bool kBackwardBf16 = add<BackwardProblem<wb::RmsnormBackwardBf16, wb::bf16>>();

}  // namespace
