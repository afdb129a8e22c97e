// Benchmark of histogram: few bins and many, equal ones and one that has most of the elements.
#include "04_layernorm/histogram.h"

#include <string>
#include <vector>

#include "04_layernorm/testing/histogram_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

class HistogramProblem {
 public:
  using Contract = wb::Histogram;

  struct Buffers {
    wb::DeviceBuffer<int> x, counts;  // (n), (bins)
  };

  HistogramProblem(std::int64_t n, int bins, bool is_skewed) : n_(n), bins_(bins), is_skewed_(is_skewed) {}

  std::string name() const {
    return "n=" + std::to_string(n_) + " bins=" + std::to_string(bins_) + (is_skewed_ ? " skewed" : "");
  }

  // Each element read once, each count written once. Integer additions are no FLOPs.
  wb::Work work() const { return {4.0 * static_cast<double>(n_) + 4.0 * bins_, 0}; }
  std::size_t buffer_bytes() const { return size() * sizeof(int); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<int>(wb::random_bins(size(), bins_, seed, is_skewed_ ? 9 : 0)),
            wb::DeviceBuffer<int>(static_cast<std::size_t>(bins_))};
  }

  void clear(Buffers& buffers) const { buffers.counts.fill_bytes(0xFF); }

  void call(Contract::Function* histogram, Buffers& buffers, cudaStream_t stream) const {
    histogram(buffers.x.data(), buffers.counts.data(), n_, bins_, stream);
  }

  // Counts of more than 2^24 are rounded to a float on both sides.
  testing::AssertionResult check(const Buffers& buffers) const {
    return wb::matches(wb::to_float(buffers.counts.download()),
                       wb::histogram_oracle(buffers.x.download(), bins_), {0.0, 6e-8});
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(n_); }
  std::int64_t n_;
  int bins_;
  bool is_skewed_;
};

const bool kAdded = wb::add_benchmark<HistogramProblem>([] {
  const std::int64_t n = wb::device_is_cpu() ? 1 << 18 : 1 << 24;
  std::vector<HistogramProblem> problems;
  for (const int bins : {16, 256, 8192, 65536}) problems.emplace_back(n, bins, false);
  for (const int bins : {16, 256, 8192, 65536}) problems.emplace_back(n, bins, true);
  return problems;
});

}  // namespace
