// Benchmark of scan: an array that the L2 cache holds, and larger ones, against the roof of a copy.
#include "03_softmax/scan.h"

#include <algorithm>
#include <string>
#include <vector>

#include "03_softmax/testing/scan_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

class ScanProblem {
 public:
  using Contract = wb::Scan;

  struct Buffers {
    wb::DeviceBuffer<int> x, out, scratch;  // (n), (n), (scan_scratch_size(n))
  };

  explicit ScanProblem(std::int64_t n) : n_(n) {}

  std::string name() const { return "n=" + std::to_string(n_); }

  // Each element read once and written once. Integer additions are no FLOPs.
  wb::Work work() const { return {8.0 * static_cast<double>(n_), 0}; }
  std::size_t buffer_bytes() const { return (2 * size() + wb::scan_scratch_size(n_)) * sizeof(int); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<int>(wb::random_steps(size(), seed)), wb::DeviceBuffer<int>(size()),
            wb::DeviceBuffer<int>(wb::scan_scratch_size(n_))};
  }

  void clear(Buffers& buffers) const {
    buffers.out.fill_bytes(0xFF);
    buffers.scratch.fill_bytes(0xFF);
  }

  void call(Contract::Function* scan, Buffers& buffers, cudaStream_t stream) const {
    scan(buffers.x.data(), buffers.out.data(), buffers.scratch.data(), n_, stream);
  }

  // Sums are exact. The matcher, which compares floats, says where they are not.
  testing::AssertionResult check(const Buffers& buffers) const {
    const std::vector<int> got = buffers.out.download();
    const std::vector<std::int64_t> expected = wb::scan_oracle(buffers.x.download());
    if (std::equal(got.begin(), got.end(), expected.begin())) return testing::AssertionSuccess();
    const std::vector<double> wanted(expected.begin(), expected.end());
    const auto compared =
        wb::matches(wb::scan_as_floats(got, expected), wanted, {0.0, 0.0}, {.has_edges = false});
    return testing::AssertionFailure() << compared.message();
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(n_); }
  std::int64_t n_;
};

const bool kAdded = wb::add_benchmark<ScanProblem>([] {
  std::vector<ScanProblem> problems = {ScanProblem(1 << 16), ScanProblem(1 << 20)};
  for (const int n : wb::device_is_cpu() ? std::vector{1 << 22} : std::vector{1 << 24, 1 << 28}) {
    problems.emplace_back(n);
  }
  return problems;
});

}  // namespace
