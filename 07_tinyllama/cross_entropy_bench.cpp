// Benchmark of cross_entropy, forward and backward, of fp32 and bf16 logits: three passes over them in all.
#include "07_tinyllama/cross_entropy.h"

#include "07_tinyllama/testing/cross_entropy_oracle.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

struct Size {
  int n, v;
  std::size_t area() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(v); }
  std::string name() const { return std::to_string(n) + " x " + std::to_string(v); }
};

// Batches of presets small and tinyllama.
std::vector<Size> sizes() {
  if (wb::device_is_cpu()) return {{256, 1000}, {16, 32000}};
  return {{1024, 1000}, {8192, 32000}};
}

wb::DeviceBuffer<int> random_targets(const Size& size, std::uint64_t seed) {
  return wb::DeviceBuffer<int>(wb::random_below(static_cast<std::size_t>(size.n), seed, size.v));
}

std::vector<int> sampled_targets(const wb::DeviceBuffer<int>& targets, const std::vector<int>& rows) {
  const std::vector<int> all = targets.download();
  std::vector<int> sampled;
  for (const int row : rows) sampled.push_back(all[static_cast<std::size_t>(row)]);
  return sampled;
}

template <class ContractOf, class T>
class ForwardProblem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> logits;
    wb::DeviceBuffer<int> targets;
    wb::DeviceBuffer<float> losses, lse;
  };

  explicit ForwardProblem(Size size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // The logits read; per element a maximum, a difference, an exponential and a sum.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {sizeof(T) * area + 12.0 * size_.n, 4.0 * area};
  }

  std::size_t buffer_bytes() const { return size_.area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    const auto rows = static_cast<std::size_t>(size_.n);
    return {wb::to_device<T>(wb::random_uniform(size_.area(), seed)), random_targets(size_, seed),
            wb::DeviceBuffer<float>(rows), wb::DeviceBuffer<float>(rows)};
  }

  void clear(Buffers& b) const {
    b.losses.fill_bytes(0xFF);
    b.lse.fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.logits.data(), b.targets.data(), b.losses.data(), b.lse.data(), size_.n, size_.v, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const auto expected = wb::cross_entropy_oracle(wb::to_double(wb::download_rows(b.logits, rows, size_.v)),
                                                   sampled_targets(b.targets, rows));
    if (auto lse = wb::matches(wb::download_rows(b.lse, rows, 1), expected.lse, {4e-6, 1e-6}); !lse) {
      return lse << " lse";
    }
    return wb::matches(wb::download_rows(b.losses, rows, 1), expected.losses, {4e-6, 1e-6});
  }

 private:
  Size size_;
};

template <class ContractOf, class T>
class BackwardProblem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> logits;
    wb::DeviceBuffer<int> targets;
    wb::DeviceBuffer<float> lse;
    wb::DeviceBuffer<T> dlogits;
  };

  explicit BackwardProblem(Size size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // The logits read and dlogits written; per element two differences, an exponential and a product.
  wb::Work work() const {
    const auto area = static_cast<double>(size_.area());
    return {2.0 * sizeof(T) * area + 8.0 * size_.n, 4.0 * area};
  }

  std::size_t buffer_bytes() const { return 2 * size_.area() * sizeof(T); }

  // Any lse near the true one will do: the formula does not ask where it comes from.
  Buffers allocate(std::uint64_t seed) const {
    const auto rows = static_cast<std::size_t>(size_.n);
    return {wb::to_device<T>(wb::random_uniform(size_.area(), seed)), random_targets(size_, seed),
            wb::DeviceBuffer<float>(wb::random_uniform(rows, seed + 1000, 8.0f, 10.0f)),
            wb::DeviceBuffer<T>(size_.area())};
  }

  void clear(Buffers& b) const { b.dlogits.fill_bytes(0xFF); }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.logits.data(), b.targets.data(), b.lse.data(), b.dlogits.data(), 0.5f, size_.n, size_.v,
             stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(size_.n);
    const auto expected = wb::cross_entropy_backward_oracle(
        wb::to_double(wb::download_rows(b.logits, rows, size_.v)), sampled_targets(b.targets, rows),
        wb::to_double(wb::download_rows(b.lse, rows, 1)), 0.5);
    return wb::matches(wb::download_rows(b.dlogits, rows, size_.v), expected, wb::stored_as<T>({1e-9, 1e-5}));
  }

 private:
  Size size_;
};

template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Size& size : sizes()) list.emplace_back(size);
  return list;
}

using Forward = ForwardProblem<wb::CrossEntropyForward, float>;
using ForwardBf16 = ForwardProblem<wb::CrossEntropyForwardBf16, wb::bf16>;
using Backward = BackwardProblem<wb::CrossEntropyBackward, float>;
using BackwardBf16 = BackwardProblem<wb::CrossEntropyBackwardBf16, wb::bf16>;
const bool kForward = wb::add_benchmark<Forward>(problems<Forward>);
const bool kForwardBf16 = wb::add_benchmark<ForwardBf16>(problems<ForwardBf16>);
const bool kBackward = wb::add_benchmark<Backward>(problems<Backward>);
const bool kBackwardBf16 = wb::add_benchmark<BackwardBf16>(problems<BackwardBf16>);

}  // namespace
