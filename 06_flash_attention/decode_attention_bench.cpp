// Benchmark of decode attention: a token of one sequence, and of a batch, against caches that grow.
#include "06_flash_attention/decode_attention.h"

#include "06_flash_attention/testing/decode_attention_cases.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

using wb::DecodeSize;
using wb::DeviceBuffer;

std::vector<DecodeSize> sizes() {
  if (wb::device_is_cpu()) return {{1, 64, 4, 2, 32}, {1, 256, 4, 2, 32}, {1, 1024, 4, 2, 32}};
  return {{1, 128, 8, 4, 64},    {1, 2048, 8, 4, 64},  {1, 16384, 8, 4, 64},   {1, 2048, 32, 4, 64},
          {32, 2048, 32, 4, 64}, {64, 1024, 8, 4, 64}, {32, 4096, 16, 16, 128}};
}

class DecodeProblem {
 public:
  using Contract = wb::DecodeAttention;

  struct Buffers {
    DeviceBuffer<float> q, keys, values, out, scratch;
  };

  explicit DecodeProblem(DecodeSize size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // The cache read once, queries and results once. A dot product and a weighted sum for each head and token.
  wb::Work work() const {
    return {8.0 * static_cast<double>(size_.cache_elements() + size_.query_elements()),
            4.0 * static_cast<double>(size_.query_elements()) * size_.s};
  }

  std::size_t buffer_bytes() const {
    return 8 * (size_.cache_elements() + size_.query_elements()) +
           4 * wb::decode_attention_scratch_size(size_);
  }

  Buffers allocate(std::uint64_t seed) const {
    const auto input = [](std::size_t size, std::uint64_t number) {
      return DeviceBuffer<float>(wb::random_uniform(size, number, -1.5f, 1.5f));
    };
    return {input(size_.query_elements(), 3 * seed), input(size_.cache_elements(), 3 * seed + 1),
            input(size_.cache_elements(), 3 * seed + 2), DeviceBuffer<float>(size_.query_elements()),
            DeviceBuffer<float>(wb::decode_attention_scratch_size(size_))};
  }

  void clear(Buffers& b) const {
    b.out.fill_bytes(0xFF);
    b.scratch.fill_bytes(0xFF);
  }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    const auto view = [&](const DeviceBuffer<float>& cache) {
      return wb::token_major_view(cache.data(), size_.s, size_.kv, size_.d);
    };
    function(b.q.data(), view(b.keys), view(b.values), b.out.data(), b.scratch.data(), size_, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<double> expected =
        wb::decode_attention_oracle(wb::to_double(b.q.download()), wb::to_double(b.keys.download()),
                                    wb::to_double(b.values.download()), size_);
    return wb::matches(b.out.download(), expected, {5e-6, 1e-4}, {{size_.b, size_.h, size_.d}});
  }

 private:
  DecodeSize size_;
};

std::vector<DecodeProblem> problems() {
  std::vector<DecodeProblem> list;
  for (const DecodeSize& size : sizes()) list.emplace_back(size);
  return list;
}

const bool kAdded = wb::add_benchmark<DecodeProblem>(problems);

}  // namespace
