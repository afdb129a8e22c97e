// Benchmark of layernorm, forward and backward, float and bf16: from a row in one warp to rows that no
// register file holds.
#include <cmath>

#include "04_layernorm/layernorm.h"
#include "04_layernorm/testing/layernorm_bench_input.h"
#include "04_layernorm/testing/layernorm_oracle.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

constexpr float kEpsilon = 1e-5f;

// Those rows of a (n, width) matrix, as the oracle wants them.
template <class T>
std::vector<double> double_rows(const wb::DeviceBuffer<T>& matrix, const std::vector<int>& rows, int width) {
  return wb::to_double(wb::download_rows(matrix, rows, width));
}

struct Size {
  int n, c;
  std::size_t area() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(c); }
  std::string name() const { return std::to_string(n) + " x " + std::to_string(c); }
};

// 12288 x 768 are the activations of a small GPT: B 12, T 1024, C 768.
std::vector<Size> sizes() {
  if (wb::device_is_cpu()) return {{1024, 768}, {512, 1024}, {64, 8192}, {16, 32768}};
  return {{12288, 768}, {8192, 1024}, {16384, 8192}, {8192, 32768}};
}

// T is the type in memory, float or bf16.
template <class ContractOf, class T>
class ForwardProblem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> x, gamma, beta, y;
    wb::DeviceBuffer<float> mean, rstd;
  };

  explicit ForwardProblem(Size size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // x read and y written; per element 2 FLOPs for the mean, 3 for the variance, 4 to normalize.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {2.0 * sizeof(T) * (area + size_.c) + 8.0 * size_.n, 9.0 * area};
  }

  std::size_t buffer_bytes() const { return 2 * size_.area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::layernorm_bench_input(size_.n, size_.c, seed)),
            wb::to_device<T>(wb::layernorm_bench_input(1, size_.c, seed + 1000)),
            wb::to_device<T>(wb::layernorm_bench_input(1, size_.c, seed + 2000)),
            wb::DeviceBuffer<T>(size_.area()),
            wb::DeviceBuffer<float>(static_cast<std::size_t>(size_.n)),
            wb::DeviceBuffer<float>(static_cast<std::size_t>(size_.n))};
  }

  void clear(Buffers& b) const {
    b.y.fill_bytes(0xFF);
    for (auto* out : {&b.mean, &b.rstd}) out->fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.x.data(), b.gamma.data(), b.beta.data(), b.y.data(), b.mean.data(), b.rstd.data(), size_.n,
             size_.c, kEpsilon, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const int count = static_cast<int>(rows.size());
    const auto expected =
        wb::layernorm_oracle(double_rows(b.x, rows, size_.c), double_rows(b.gamma, {0}, size_.c),
                             double_rows(b.beta, {0}, size_.c), count, size_.c, kEpsilon);
    if (auto rstd = wb::matches(wb::download_rows(b.rstd, rows, 1), expected.rstd, {1e-6, 1e-5}); !rstd) {
      return rstd << " rstd";
    }
    return wb::matches(wb::download_rows(b.y, rows, size_.c), expected.y, wb::stored_as<T>({5e-6, 5e-6}),
                       {{count, size_.c}});
  }

 private:
  Size size_;
};

template <class ContractOf, class T>
class BackwardProblem {
 public:
  using Contract = ContractOf;
  static constexpr bool kAccumulates = true;  // dgamma and dbeta

  struct Buffers {
    wb::DeviceBuffer<T> dy, x, gamma, dx;
    wb::DeviceBuffer<float> mean, rstd, dgamma, dbeta, scratch;
  };

  explicit BackwardProblem(Size size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // dy and x read, dx written; per element 6 FLOPs for the two means, 9 for dx, 3 for dgamma and dbeta.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {sizeof(T) * (3.0 * area + size_.c) + 16.0 * size_.c + 8.0 * size_.n, 18.0 * area};
  }

  std::size_t buffer_bytes() const { return 3 * size_.area() * sizeof(T); }

  // Any mean and rstd will do: the formula does not ask where they come from.
  Buffers allocate(std::uint64_t seed) const {
    const auto rows = static_cast<std::size_t>(size_.n), columns = static_cast<std::size_t>(size_.c);
    return {wb::to_device<T>(wb::random_uniform(size_.area(), seed + 3000)),
            wb::to_device<T>(wb::layernorm_bench_input(size_.n, size_.c, seed)),
            wb::to_device<T>(wb::layernorm_bench_input(1, size_.c, seed + 1000)),
            wb::DeviceBuffer<T>(size_.area()),
            wb::DeviceBuffer<float>(wb::random_uniform(rows, seed + 4000, 0.4f, 0.6f)),
            wb::DeviceBuffer<float>(wb::random_uniform(rows, seed + 5000, 1.0f, 1.2f)),
            wb::DeviceBuffer<float>(columns),
            wb::DeviceBuffer<float>(columns),
            wb::DeviceBuffer<float>(wb::layernorm_backward_scratch(size_.n, size_.c))};
  }

  void clear(Buffers& b) const {
    b.dx.fill_bytes(0xFF);
    b.scratch.fill_bytes(0xFF);
    b.dgamma.fill_bytes(0);
    b.dbeta.fill_bytes(0);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.dy.data(), b.x.data(), b.gamma.data(), b.mean.data(), b.rstd.data(), b.dx.data(),
             b.dgamma.data(), b.dbeta.data(), b.scratch.data(), size_.n, size_.c, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const int count = static_cast<int>(rows.size());
    const auto expected = wb::layernorm_backward_oracle(
        double_rows(b.dy, rows, size_.c), double_rows(b.x, rows, size_.c), double_rows(b.gamma, {0}, size_.c),
        double_rows(b.mean, rows, 1), double_rows(b.rstd, rows, 1), count, size_.c);
    auto dx = wb::matches(wb::download_rows(b.dx, rows, size_.c), expected.dx, wb::stored_as<T>({1e-5, 1e-5}),
                          {{count, size_.c}});
    if (!dx) return dx << " dx";
    return check_parameters(b);
  }

 private:
  // Sums over all rows, so that no row can be left out.
  testing::AssertionResult check_parameters(const Buffers& b) const {
    const std::vector<float> mean = b.mean.download(), rstd = b.rstd.download();
    std::vector<double> dgamma(static_cast<std::size_t>(size_.c)), dbeta(dgamma.size());
    wb::add_rows(b.dy, b.x, size_.n, size_.c,
                 [&](std::size_t row, std::size_t begin, std::size_t end, const T* dy, const T* x) {
                   const auto center = static_cast<double>(mean[row]), scale = static_cast<double>(rstd[row]);
                   for (std::size_t i = begin; i < end; ++i) {
                     const auto upstream = static_cast<double>(wb::to_float(dy[i]));
                     dgamma[i] += upstream * (static_cast<double>(wb::to_float(x[i])) - center) * scale;
                     dbeta[i] += upstream;
                   }
                 });
    const wb::Tolerance tolerance{1e-5 * std::sqrt(size_.n) + 1e-7 * size_.n, 1e-4};
    if (auto sums = wb::matches(b.dbeta.download(), dbeta, tolerance); !sums) return sums << " dbeta";
    return wb::matches(b.dgamma.download(), dgamma, tolerance) << " dgamma";
  }

  Size size_;
};

template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Size& size : sizes()) list.emplace_back(size);
  return list;
}

template <class Problem>
bool add() {
  return wb::add_benchmark<Problem>(problems<Problem>);
}

const bool kForward = add<ForwardProblem<wb::LayernormForward, float>>();
const bool kBackward = add<BackwardProblem<wb::LayernormBackward, float>>();
const bool kForwardBf16 = add<ForwardProblem<wb::LayernormForwardBf16, wb::bf16>>();
const bool kBackwardBf16 = add<BackwardProblem<wb::LayernormBackwardBf16, wb::bf16>>();

}  // namespace
