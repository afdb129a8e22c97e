// Benchmark of softmax and its gradient, in float and bf16: rows that fit a block's registers, and rows
// that fill them.
#include <algorithm>
#include <span>

#include "03_softmax/softmax.h"
#include "03_softmax/testing/softmax_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/bf16.h"
#include "common/harness/matcher.h"

namespace {

// What both benchmarks share: (rows, columns) matrices, and a check row by row.
class RowsProblem {
 public:
  RowsProblem(int rows, int columns) : rows_(rows), columns_(columns) {}

  std::string name() const { return std::to_string(rows_) + "x" + std::to_string(columns_); }

 protected:
  std::size_t width() const { return static_cast<std::size_t>(columns_); }
  std::size_t size() const { return static_cast<std::size_t>(rows_) * width(); }

  // Calls matches_row(start) for the first element of about 128 rows, among them the first and the last, and
  // stops at a failure: the oracle's exponentials for all rows of the largest shape take longer than a run.
  template <class MatchesRow>
  testing::AssertionResult check_some_rows(MatchesRow matches_row) const {
    const int step = std::max(1, (rows_ - 1) / 127);
    for (int r = 0; r < rows_ + step - 1; r += step) {
      const int row = std::min(r, rows_ - 1);
      const testing::AssertionResult result = matches_row(static_cast<std::size_t>(row) * width());
      if (!result) return testing::AssertionFailure() << "row " << row << ": " << result.message();
    }
    return testing::AssertionSuccess();
  }

  int rows_, columns_;
};

// T is the type in memory, float or bf16.
template <class ContractOf, class T>
class SoftmaxForwardProblem : public RowsProblem {
 public:
  using RowsProblem::RowsProblem;
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> x, y;  // (rows, columns)
  };

  // One number read, one written. Maximum, difference, exponential, sum and product count one FLOP each.
  wb::Work work() const {
    const auto area = static_cast<double>(size());
    return {2.0 * sizeof(T) * area, 5.0 * area};
  }

  std::size_t buffer_bytes() const { return 2 * size() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(size(), seed, -4.0f, 4.0f)), wb::DeviceBuffer<T>(size())};
  }

  void clear(Buffers& buffers) const { buffers.y.fill_bytes(0xFF); }

  void call(typename Contract::Function* softmax, Buffers& buffers, cudaStream_t stream) const {
    softmax(buffers.x.data(), buffers.y.data(), rows_, columns_, stream);
  }

  // Every row sums to 1, and some are compared in full.
  testing::AssertionResult check(const Buffers& buffers) const {
    const std::vector<T> x = buffers.x.download(), y = buffers.y.download();
    std::vector<float> sums;
    for (std::size_t start = 0; start < size(); start += width()) {
      double sum = 0.0;
      for (const T value : std::span(y).subspan(start, width())) sum += wb::to_float(value);
      sums.push_back(static_cast<float>(sum));
    }
    const auto summed =
        wb::matches(sums, std::vector<double>(sums.size(), 1.0), wb::stored_as<T>({0.0, 5e-6}), {{rows_}});
    if (!summed) return testing::AssertionFailure() << "the sums of the rows: " << summed.message();
    return check_some_rows([&](std::size_t start) {
      const auto row = [&](const std::vector<T>& of) {
        return wb::to_float(std::span(of).subspan(start, width()));
      };
      return wb::matches(row(y), wb::softmax_oracle(wb::to_double(row(x)), 1, columns_),
                         wb::stored_as<T>({1e-9, 5e-6}), {{columns_}});
    });
  }
};

template <class ContractOf, class T>
class SoftmaxBackwardProblem : public RowsProblem {
 public:
  using RowsProblem::RowsProblem;
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> dy, y, dx;  // (rows, columns)
  };

  // Two numbers read, one written. A product and a sum for the row, a difference and a product for dx.
  wb::Work work() const {
    const auto area = static_cast<double>(size());
    return {3.0 * sizeof(T) * area, 4.0 * area};
  }

  std::size_t buffer_bytes() const { return 3 * size() * sizeof(T); }

  // y is positive with rows that sum to about 1, as softmax makes them; the formula asks for no more.
  Buffers allocate(std::uint64_t seed) const {
    const float twice_the_mean = 2.0f / static_cast<float>(columns_);
    return {wb::to_device<T>(wb::random_uniform(size(), 2 * seed)),
            wb::to_device<T>(wb::random_uniform(size(), 2 * seed + 1, 0.0f, twice_the_mean)),
            wb::DeviceBuffer<T>(size())};
  }

  void clear(Buffers& buffers) const { buffers.dx.fill_bytes(0xFF); }

  void call(typename Contract::Function* backward, Buffers& buffers, cudaStream_t stream) const {
    backward(buffers.dy.data(), buffers.y.data(), buffers.dx.data(), rows_, columns_, stream);
  }

  // Two multiplications per element: cheap enough to compare every row.
  testing::AssertionResult check(const Buffers& buffers) const {
    const std::vector<T> dy = buffers.dy.download(), y = buffers.y.download();
    const std::vector<T> dx = buffers.dx.download();
    // dy - dot loses what both have in common, and y scales the rest.
    const wb::Tolerance tolerance = wb::stored_as<T>({2e-6 / columns_, 5e-6});
    for (std::size_t start = 0; start < size(); start += width()) {
      const auto row = [&](const std::vector<T>& of) {
        return wb::to_float(std::span(of).subspan(start, width()));
      };
      const auto expected =
          wb::softmax_backward_oracle(wb::to_double(row(dy)), wb::to_double(row(y)), 1, columns_);
      const auto result = wb::matches(row(dx), expected, tolerance, {{columns_}});
      if (!result) {
        return testing::AssertionFailure() << "row " << start / width() << ": " << result.message();
      }
    }
    return testing::AssertionSuccess();
  }
};

template <class Problem>
bool add() {
  return wb::add_benchmark<Problem>([]() -> std::vector<Problem> {
    if (wb::device_is_cpu()) return {Problem(512, 1024), Problem(16, 32768), Problem(8, 65536)};
    return {Problem(8192, 1024), Problem(16384, 8192), Problem(8192, 32768)};
  });
}

const bool kForward = add<SoftmaxForwardProblem<wb::SoftmaxForward, float>>();
const bool kBackward = add<SoftmaxBackwardProblem<wb::SoftmaxBackward, float>>();
const bool kForwardBf16 = add<SoftmaxForwardProblem<wb::SoftmaxForwardBf16, wb::bf16>>();
const bool kBackwardBf16 = add<SoftmaxBackwardProblem<wb::SoftmaxBackwardBf16, wb::bf16>>();

}  // namespace
