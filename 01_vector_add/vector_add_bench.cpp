// Benchmark of vector_add: from sizes where launching dominates to sizes where only memory counts.
#include "01_vector_add/vector_add.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"

namespace {

class VectorAddProblem {
 public:
  using Contract = wb::VectorAdd;

  struct Buffers {
    wb::DeviceBuffer<float> a, b, out;  // (n)
  };

  explicit VectorAddProblem(std::int64_t n) : n_(n) {}

  std::string name() const { return "n=" + std::to_string(n_); }

  // Two floats read and one written, one addition.
  wb::Work work() const { return {12.0 * static_cast<double>(n_), static_cast<double>(n_)}; }

  std::size_t buffer_bytes() const { return 3 * size() * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<float>(wb::random_uniform(size(), 2 * seed)),
            wb::DeviceBuffer<float>(wb::random_uniform(size(), 2 * seed + 1)),
            wb::DeviceBuffer<float>(size())};
  }

  void clear(Buffers& buffers) const { buffers.out.fill_bytes(0xFF); }

  void call(Contract::Function* add, Buffers& buffers, cudaStream_t stream) const {
    add(buffers.a.data(), buffers.b.data(), buffers.out.data(), n_, stream);
  }

  testing::AssertionResult check(const Buffers& buffers) const {
    const std::vector<float> a = buffers.a.download(), b = buffers.b.download();
    std::vector<double> sum(size());
    for (std::size_t i = 0; i < size(); ++i) sum[i] = static_cast<double>(a[i]) + static_cast<double>(b[i]);
    return wb::matches(buffers.out.download(), sum, {0.0, 6e-8}, {{n_}});
  }

 private:
  std::size_t size() const { return static_cast<std::size_t>(n_); }
  std::int64_t n_;
};

// The last is for memory alone: far larger than any cache of the device.
WB_BENCHMARK(VectorAddProblem, VectorAddProblem(1 << 16), VectorAddProblem(1 << 20),
             VectorAddProblem(wb::device_is_cpu() ? 1 << 22 : 1 << 28));

}  // namespace
