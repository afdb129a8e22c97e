// Benchmark of a linear layer with bias and GELU: the shapes of a small model, with 1024 tokens, and a large
// one.
#include <cstdint>
#include <string>
#include <vector>

#include "02_matmul/matmul_bias_gelu.h"
#include "02_matmul/testing/gelu_oracle.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

class MatmulBiasGeluProblem {
 public:
  using Contract = wb::MatmulBiasGeluBf16;

  struct Buffers {
    wb::DeviceBuffer<wb::bf16> x, w, bias, y;
  };

  MatmulBiasGeluProblem(int m, int n, int k) : m_(m), n_(n), k_(k) {}

  std::string name() const {
    return std::to_string(m_) + "x" + std::to_string(n_) + "x" + std::to_string(k_);
  }

  // x, w and bias read and y written; the multiplications and additions of the product.
  wb::Work work() const {
    return {static_cast<double>(buffer_bytes()), 2.0 * static_cast<double>(area(m_, n_)) * k_, true};
  }

  std::size_t buffer_bytes() const {
    return (area(m_, k_) + area(n_, k_) + area(1, n_) + area(m_, n_)) * sizeof(wb::bf16);
  }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<wb::bf16>(wb::random_uniform(area(m_, k_), 3 * seed)),
            wb::to_device<wb::bf16>(wb::random_uniform(area(n_, k_), 3 * seed + 1)),
            wb::to_device<wb::bf16>(wb::random_uniform(area(1, n_), 3 * seed + 2)),
            wb::DeviceBuffer<wb::bf16>(area(m_, n_))};
  }

  void clear(Buffers& b) const { b.y.fill_bytes(0xFF); }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.x.data(), b.w.data(), b.bias.data(), b.y.data(), m_, n_, k_, stream);
  }

  // Some rows. z reaches some tens: tanh of a library is right to 2^-11, and two kernels round z to bf16.
  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(m_, 4);
    const auto expected =
        wb::matmul_bias_gelu_oracle(wb::download_rows(b.x, rows, k_), wb::to_float(b.w.download()),
                                    wb::to_float(b.bias.download()), static_cast<int>(rows.size()), n_, k_);
    return wb::matches(wb::download_rows(b.y, rows, n_), expected, wb::stored_as<wb::bf16>({0.05, 4e-3}),
                       {{static_cast<int>(rows.size()), n_}});
  }

 private:
  static std::size_t area(int rows, int columns) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }

  int m_, n_, k_;
};

std::vector<MatmulBiasGeluProblem> problems() {
  if (wb::device_is_cpu()) return {{256, 256, 256}, {256, 512, 128}};
  std::vector<MatmulBiasGeluProblem> found;
  for (const int n : {2048, 4096}) {
    for (const int k : {512, 1024, 2048}) found.emplace_back(1024, n, k);
  }
  found.emplace_back(8192, 8192, 2048);
  return found;
}

const bool kAdded = wb::add_benchmark<MatmulBiasGeluProblem>(problems);

}  // namespace
