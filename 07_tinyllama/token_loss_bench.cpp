// Benchmark of token_loss: cross entropy and its gradient in place of bf16 logits, two passes over them.
#include "07_tinyllama/testing/cross_entropy_oracle.h"
#include "07_tinyllama/token_loss.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

class TokenLossProblem {
 public:
  using Contract = wb::TokenLossBf16;
  static constexpr bool kAccumulates = true;  // a call overwrites its input: check() is of a single one

  struct Buffers {
    wb::DeviceBuffer<wb::bf16> given, logits;
    wb::DeviceBuffer<int> targets;
    wb::DeviceBuffer<float> losses;
  };

  TokenLossProblem(int n, int v) : n_(n), v_(v) {}

  std::string name() const { return std::to_string(n_) + " x " + std::to_string(v_); }

  // The logits read and the gradient written; per element a maximum, two differences, two exponentials, a sum
  // and a product.
  wb::Work work() const { return {4.0 * area() + 8.0 * n_, 7.0 * area()}; }

  std::size_t buffer_bytes() const { return 2 * static_cast<std::size_t>(area()); }

  Buffers allocate(std::uint64_t seed) const {
    const auto rows = static_cast<std::size_t>(n_), size = rows * static_cast<std::size_t>(v_);
    return {wb::to_device<wb::bf16>(wb::random_uniform(size, seed, -4.0f, 4.0f)),
            wb::DeviceBuffer<wb::bf16>(size), wb::DeviceBuffer<int>(wb::random_below(rows, seed, v_)),
            wb::DeviceBuffer<float>(rows)};
  }

  void clear(Buffers& b) const {
    WB_CUDA_CHECK(cudaMemcpy(b.logits.data(), b.given.data(), buffer_bytes(), cudaMemcpyDeviceToDevice));
    b.losses.fill_bytes(0xFF);
  }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.logits.data(), b.targets.data(), b.losses.data(), 1.0f, n_, v_, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(n_), all = b.targets.download();
    std::vector<int> targets;
    for (const int row : rows) targets.push_back(all[static_cast<std::size_t>(row)]);
    const auto given = wb::to_double(wb::download_rows(b.given, rows, v_));
    const auto expected = wb::cross_entropy_oracle(given, targets);
    if (auto losses = wb::matches(wb::download_rows(b.losses, rows, 1), expected.losses, {4e-6, 1e-6});
        !losses) {
      return losses << " losses";
    }
    const auto gradient = wb::cross_entropy_backward_oracle(given, targets, expected.lse, 1.0);
    return wb::matches(wb::download_rows(b.logits, rows, v_), gradient,
                       wb::stored_as<wb::bf16>({1e-9, 1e-5}));
  }

 private:
  double area() const { return static_cast<double>(n_) * v_; }

  int n_, v_;
};

WB_BENCHMARK(TokenLossProblem,
             wb::device_is_cpu() ? TokenLossProblem(256, 1000) : TokenLossProblem(1024, 1000),
             wb::device_is_cpu() ? TokenLossProblem(16, 32000) : TokenLossProblem(8192, 32000));

}  // namespace
