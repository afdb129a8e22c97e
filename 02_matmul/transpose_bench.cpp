// Benchmark of transpose: a matrix that a cache holds, one that only memory does, and one that is long and
// thin.
#include "02_matmul/transpose.h"

#include <string>
#include <vector>

#include "02_matmul/testing/transpose_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/matcher.h"
#include "common/harness/sizes.h"

namespace {

class TransposeProblem {
 public:
  using Contract = wb::Transpose;

  struct Buffers {
    wb::DeviceBuffer<float> in, out;  // (rows, columns), (columns, rows)
  };

  TransposeProblem(int rows, int columns) : rows_(rows), columns_(columns) {}

  std::string name() const { return std::to_string(rows_) + " x " + std::to_string(columns_); }

  // Each element read once and written once.
  wb::Work work() const { return {8.0 * static_cast<double>(size()), 0}; }
  std::size_t buffer_bytes() const { return 2 * size() * sizeof(float); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::DeviceBuffer<float>(wb::random_uniform(size(), seed)), wb::DeviceBuffer<float>(size())};
  }

  void clear(Buffers& buffers) const { buffers.out.fill_bytes(0xFF); }

  void call(Contract::Function* transpose, Buffers& buffers, cudaStream_t stream) const {
    transpose(buffers.in.data(), buffers.out.data(), rows_, columns_, stream);
  }

  testing::AssertionResult check(const Buffers& buffers) const {
    const std::vector<float> in = buffers.in.download();
    return wb::matches(buffers.out.download(), wb::transpose_oracle(in, rows_, columns_), {0.0, 0.0},
                       {{columns_, rows_}});
  }

 private:
  std::size_t size() const { return wb::area(rows_, columns_); }
  int rows_, columns_;
};

const bool kAdded = wb::add_benchmark<TransposeProblem>([]() -> std::vector<TransposeProblem> {
  if (wb::device_is_cpu()) return {{256, 256}, {1000, 1000}, {32, 16384}};
  return {{1024, 1024}, {4096, 4096}, {4095, 4097}, {128, 131072}};
});

}  // namespace
