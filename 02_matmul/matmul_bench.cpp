// Benchmark of matmul: squares from the size at which a product fills the device, and the three layouts.
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

// A (size, size) product of T, float or bf16. Its operands are square, so that every layout reads the same
// buffers.
template <class ContractOfT, class T>
class MatmulProblem {
 public:
  using Contract = ContractOfT;

  struct Buffers {
    wb::DeviceBuffer<T> a, b, c;  // (size, size)
  };

  explicit MatmulProblem(int size, MatmulLayout layout = MatmulLayout::kNN) : size_(size), layout_(layout) {}

  std::string name() const { return std::to_string(size_) + " " + layout_name(); }

  // Two matrices read and one written; a multiplication and an addition for each of size^3 products.
  wb::Work work() const {
    return {3.0 * sizeof(T) * static_cast<double>(area()), 2.0 * static_cast<double>(area()) * size_,
            kIsBf16};
  }

  std::size_t buffer_bytes() const { return 3 * area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(area(), 2 * seed)),
            wb::to_device<T>(wb::random_uniform(area(), 2 * seed + 1)), wb::DeviceBuffer<T>(area())};
  }

  void clear(Buffers& buffers) const { buffers.c.fill_bytes(0xFF); }

  void call(typename Contract::Function* matmul, Buffers& buffers, cudaStream_t stream) const {
    matmul(layout_, buffers.a.data(), buffers.b.data(), buffers.c.data(), size_, size_, size_, 1.0f, 0.0f,
           stream);
  }

  // Freivalds (1977): the product is right if C x = A (B x) for random x, but for a chance that an error of
  // several elements cancels. Needs size^2 instead of size^3 multiplications. In fp32 it sees every element;
  // in bf16, where rounding hides a single one, whatever is wrong along a row of a tile.
  testing::AssertionResult check(const Buffers& buffers) const {
    std::vector<double> x(columns());
    wb::Rng rng(7);
    for (double& value : x) value = rng.below(2) == 0 ? -1.0 : 1.0;
    const std::vector<double> expected =
        apply(wb::to_float(buffers.a.download()), layout_ == MatmulLayout::kTN,
              apply(wb::to_float(buffers.b.download()), layout_ == MatmulLayout::kNT, x));
    const std::vector<double> sums = apply(wb::to_float(buffers.c.download()), false, x);
    // Inputs are U(-1, 1): an element of C is about sqrt(size) / 3, its rounding error no larger than
    // 1e-7 * size (matmul_test.cpp), and those of a row add up at random. bf16 rounds each to 8 bits as well.
    const double of_element = 1e-7 * size_ + (kIsBf16 ? 2.0 * wb::kBf16Rounding * std::sqrt(size_) : 0.0);
    const double tolerance = of_element * std::sqrt(size_);
    return wb::matches(std::vector<float>(sums.begin(), sums.end()), expected, {tolerance, 1e-6}, {{size_}})
           << " (each element is the sum of a row of C, with random signs)";
  }

  // Long to wait for what the size before has already shown.
  std::string skip_reason(const std::string& implementation) const {
    if (implementation != "naive" || size_ < 8192) return {};
    return "eight times the work of 4096 at the same speed: see there";
  }

 private:
  static constexpr bool kIsBf16 = std::is_same_v<T, wb::bf16>;

  std::size_t columns() const { return static_cast<std::size_t>(size_); }
  std::size_t area() const { return columns() * columns(); }

  const char* layout_name() const {
    return layout_ == MatmulLayout::kNN ? "NN" : layout_ == MatmulLayout::kNT ? "NT" : "TN";
  }

  // op(matrix) x
  std::vector<double> apply(const std::vector<float>& matrix, bool transposed,
                            const std::vector<double>& x) const {
    std::vector<double> y(columns());
    for (std::size_t row = 0; row < columns(); ++row) {
      const float* values = matrix.data() + row * columns();
      double sum = 0;
      for (std::size_t column = 0; column < columns(); ++column) {
        if (transposed) {
          y[column] += static_cast<double>(values[column]) * x[row];
        } else {
          sum += static_cast<double>(values[column]) * x[column];
        }
      }
      if (!transposed) y[row] = sum;
    }
    return y;
  }

  int size_;
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

using Fp32 = MatmulProblem<wb::Matmul, float>;
using Bf16 = MatmulProblem<wb::MatmulBf16, wb::bf16>;
const bool kAdded = wb::add_benchmark<Fp32>(problems<Fp32>);
const bool kAddedBf16 = wb::add_benchmark<Bf16>(problems<Bf16>);

}  // namespace
