// Benchmark of matmul: squares from the size at which a product fills the device, the three layouts, and in
// bf16 the products of a small model. tf32 is compared with the roof of bf16, of which it can reach half.
#include <cmath>
#include <type_traits>

#include "02_matmul/matmul.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

using wb::MatmulLayout;

// An (m, k) by (k, n) product of T, float or bf16.
template <class ContractOfT, class T>
class MatmulProblem {
 public:
  using Contract = ContractOfT;

  struct Buffers {
    wb::DeviceBuffer<T> a, b, c;  // (m, k), (k, n), as the layout stores them, and (m, n)
  };

  explicit MatmulProblem(int size, MatmulLayout layout = MatmulLayout::kNN)
      : MatmulProblem(size, size, size, layout) {}
  MatmulProblem(int m, int n, int k, MatmulLayout layout) : m_(m), n_(n), k_(k), layout_(layout) {}

  std::string name() const {
    const std::string size = std::to_string(m_);
    const bool square = m_ == n_ && n_ == k_;
    return (square ? size : size + "x" + std::to_string(n_) + "x" + std::to_string(k_)) + " " + layout_name();
  }

  // Two matrices read and one written; a multiplication and an addition for each of m n k products.
  wb::Work work() const {
    return {static_cast<double>(buffer_bytes()), 2.0 * static_cast<double>(area(m_, n_)) * k_,
            kIsBf16 || kIsTf32};
  }

  std::size_t buffer_bytes() const { return (area(m_, k_) + area(k_, n_) + area(m_, n_)) * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(area(m_, k_), 2 * seed)),
            wb::to_device<T>(wb::random_uniform(area(k_, n_), 2 * seed + 1)),
            wb::DeviceBuffer<T>(area(m_, n_))};
  }

  void clear(Buffers& buffers) const { buffers.c.fill_bytes(0xFF); }

  void call(typename Contract::Function* matmul, Buffers& buffers, cudaStream_t stream) const {
    matmul(layout_, buffers.a.data(), buffers.b.data(), buffers.c.data(), m_, n_, k_, 1.0f, 0.0f, stream);
  }

  // Freivalds (1977): the product is right if C x = A (B x) for random x, but for a chance that an error of
  // several elements cancels. Needs size^2 instead of size^3 multiplications. In fp32 it sees every element;
  // in bf16 and tf32, where rounding hides a single one, whatever is wrong along a row of a tile.
  testing::AssertionResult check(const Buffers& buffers) const {
    std::vector<double> x(static_cast<std::size_t>(n_));
    wb::Rng rng(7);
    for (double& value : x) value = rng.below(2) == 0 ? -1.0 : 1.0;
    const std::vector<double> b_x =
        apply(wb::to_float(buffers.b.download()), k_, n_, layout_ == MatmulLayout::kNT, x);
    const std::vector<double> expected =
        apply(wb::to_float(buffers.a.download()), m_, k_, layout_ == MatmulLayout::kTN, b_x);
    const std::vector<double> sums = apply(wb::to_float(buffers.c.download()), m_, n_, false, x);
    // Inputs are U(-1, 1): an element of C is about sqrt(k) / 3, its rounding error no larger than
    // 1e-7 * k (matmul_test.cpp), and those of a row add up at random. bf16 rounds each to 8 bits as well;
    // tf32 rounds the inputs, by at most 2^-10 of each.
    const double rounding = kIsBf16 ? wb::kBf16Rounding : kIsTf32 ? 0x1p-10 : 0.0;
    const double of_element = 1e-7 * k_ + 2.0 * rounding * std::sqrt(k_);
    const double tolerance = of_element * std::sqrt(n_);
    return wb::matches(std::vector<float>(sums.begin(), sums.end()), expected, {tolerance, 1e-6}, {{m_}})
           << " (each element is the sum of a row of C, with random signs)";
  }

  // Long to wait for what the size before has already shown.
  std::string skip_reason(const std::string& implementation) const {
    if (implementation != "naive" || k_ < 8192) return {};
    return "eight times the work of 4096 at the same speed: see there";
  }

 private:
  static constexpr bool kIsBf16 = std::is_same_v<T, wb::bf16>;
  static constexpr bool kIsTf32 = std::is_same_v<Contract, wb::MatmulTf32>;

  static std::size_t area(int rows, int columns) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns);
  }

  const char* layout_name() const {
    return layout_ == MatmulLayout::kNN ? "NN" : layout_ == MatmulLayout::kNT ? "NT" : "TN";
  }

  // matrix (rows, columns) times x; transposed: it is stored as (columns, rows).
  static std::vector<double> apply(const std::vector<float>& matrix, int rows, int columns, bool transposed,
                                   const std::vector<double>& x) {
    std::vector<double> y(static_cast<std::size_t>(rows));
    const std::size_t width = static_cast<std::size_t>(transposed ? rows : columns);
    for (std::size_t line = 0; line < matrix.size() / width; ++line) {
      const float* values = matrix.data() + line * width;
      double sum = 0;
      for (std::size_t column = 0; column < width; ++column) {
        if (transposed) {
          y[column] += static_cast<double>(values[column]) * x[line];
        } else {
          sum += static_cast<double>(values[column]) * x[column];
        }
      }
      if (!transposed) y[line] = sum;
    }
    return y;
  }

  int m_, n_, k_;
  MatmulLayout layout_;
};

template <class Problem>
std::vector<Problem> problems() {
  if (wb::device_is_cpu()) {
    return {Problem(256), Problem(512), Problem(256, MatmulLayout::kNT), Problem(256, MatmulLayout::kTN)};
  }
  return {Problem(1024),
          Problem(2048),
          Problem(4096),
          Problem(8192),
          Problem(4096, MatmulLayout::kNT),
          Problem(4096, MatmulLayout::kTN)};
}

// The CPU device computes tf32 as it does fp32.
template <class Problem>
std::vector<Problem> tf32_problems() {
  return wb::device_is_cpu() ? std::vector<Problem>() : problems<Problem>();
}

// Tensor cores make the layouts of large products and the small products of a model matter: those of preset
// small, with 1024 tokens.
template <class Problem>
std::vector<Problem> bf16_problems() {
  std::vector<Problem> found = problems<Problem>();
  if (wb::device_is_cpu()) return found;
  for (const MatmulLayout layout : {MatmulLayout::kNT, MatmulLayout::kTN}) found.emplace_back(8192, layout);
  for (const int n : {512, 1024, 2048, 4096}) {
    for (const int k : {512, 1024, 2048}) found.emplace_back(1024, n, k, MatmulLayout::kNT);
  }
  return found;
}

using Fp32 = MatmulProblem<wb::Matmul, float>;
using Bf16 = MatmulProblem<wb::MatmulBf16, wb::bf16>;
using Tf32 = MatmulProblem<wb::MatmulTf32, float>;
const bool kAdded = wb::add_benchmark<Fp32>(problems<Fp32>);
const bool kAddedBf16 = wb::add_benchmark<Bf16>(bf16_problems<Bf16>);
const bool kAddedTf32 = wb::add_benchmark_if_linked<Tf32>(tf32_problems<Tf32>);

}  // namespace
