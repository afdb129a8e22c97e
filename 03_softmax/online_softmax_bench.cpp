// Benchmark of online_softmax: one pass over rows of the lengths that softmax is measured with.
#include <span>

#include "03_softmax/online_softmax.h"
#include "03_softmax/testing/online_softmax_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

class OnlineSoftmaxProblem {
 public:
  using Contract = wb::OnlineSoftmax;

  struct Buffers {
    wb::DeviceBuffer<float> x;    // (rows, columns)
    wb::DeviceBuffer<float> lse;  // (rows)
  };

  OnlineSoftmaxProblem(int rows, int columns) : rows_(rows), columns_(columns) {}

  std::string name() const { return std::to_string(rows_) + "x" + std::to_string(columns_); }

  // Each element is read once, each row writes one float. Maximum, difference, exponential and sum.
  wb::Work work() const {
    const auto elements = static_cast<double>(size());
    return {4.0 * elements + 4.0 * rows_, 4.0 * elements};
  }

  std::size_t buffer_bytes() const { return (size() + height()) * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<float>(wb::random_uniform(size(), seed, -4.0f, 4.0f)),
            wb::DeviceBuffer<float>(height())};
  }

  void clear(Buffers& buffers) const { buffers.lse.fill_bytes(0xFF); }

  void call(Contract::Function* log_sum_exp, Buffers& buffers, cudaStream_t stream) const {
    log_sum_exp(buffers.x.data(), buffers.lse.data(), rows_, columns_, stream);
  }

  testing::AssertionResult check(const Buffers& buffers) const {
    const std::vector<float> x = buffers.x.download();
    const auto width = static_cast<std::size_t>(columns_);
    std::vector<double> expected;
    for (std::size_t start = 0; start < size(); start += width) {
      const auto row = wb::to_double(std::span(x).subspan(start, width));
      expected.push_back(wb::online_softmax_oracle(row, 1, columns_)[0]);
    }
    return wb::matches(buffers.lse.download(), expected, {3e-6, 3e-7}, {{rows_}});
  }

 private:
  std::size_t height() const { return static_cast<std::size_t>(rows_); }
  std::size_t size() const { return height() * static_cast<std::size_t>(columns_); }
  int rows_, columns_;
};

WB_BENCHMARK(OnlineSoftmaxProblem,
             wb::device_is_cpu() ? OnlineSoftmaxProblem(512, 1024) : OnlineSoftmaxProblem(8192, 1024),
             wb::device_is_cpu() ? OnlineSoftmaxProblem(16, 32768) : OnlineSoftmaxProblem(16384, 8192),
             wb::device_is_cpu() ? OnlineSoftmaxProblem(8, 65536) : OnlineSoftmaxProblem(8192, 32768));

}  // namespace
