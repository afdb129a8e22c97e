// Benchmark of rope, forward and backward, in fp32 and bf16: q and k in one launch, in place.
#include <type_traits>

#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bf16.h"
#include "common/harness/matcher.h"

namespace {

using wb::HeadsLayout;
using wb::HeadsShape;
using wb::RopePairing;

struct Sizes {
  int b, t, h, k, d;
  RopePairing pairing = RopePairing::kHalfSplit;
  HeadsLayout layout_k = HeadsLayout::kTokenMajor;

  HeadsShape q_shape() const { return {b, t, h, d}; }
  HeadsShape k_shape() const { return {b, t, k, d}; }
  std::size_t elements() const { return q_shape().size() + k_shape().size(); }
};

// A call turns in place, so a benchmark turns thousands of times. Quarter turns, a random number of them for
// every pair, keep that exact: after any number of calls the result is known to the last bit.
wb::RopeTable quarter_turns(int t, int d) {
  wb::RopeTable table;
  const std::vector<float> random =
      wb::random_uniform(static_cast<std::size_t>(t) * static_cast<std::size_t>(d) / 2, 7, 0.0f, 4.0f);
  constexpr float kCosine[] = {1, 0, -1, 0};
  for (const float value : random) {
    const int turns = static_cast<int>(value) % 4;
    table.cosine.push_back(kCosine[turns]);
    table.sine.push_back(kCosine[(turns + 3) % 4]);
  }
  return table;
}

template <class BenchedContract, class T>
class RopeProblem {
 public:
  using Contract = BenchedContract;

  struct Buffers {
    wb::DeviceBuffer<T> q, k, original_q, original_k;
    wb::DeviceBuffer<float> cosine, sine;
    int calls = 0;  // since clear
  };

  explicit RopeProblem(const Sizes& sizes) : sizes_(sizes) {}

  std::string name() const {
    const auto& s = sizes_;
    return "B" + std::to_string(s.b) + " T" + std::to_string(s.t) + " H" + std::to_string(s.h) + "/" +
           std::to_string(s.k) + " D" + std::to_string(s.d) +
           (s.pairing == RopePairing::kHalfSplit ? "" : ", interleaved") +
           (s.layout_k == HeadsLayout::kTokenMajor ? "" : std::string(", k ") + wb::name_of(s.layout_k));
  }

  // q and k read and written, the table read; 3 FLOPs per element: two products and a sum.
  wb::Work work() const {
    const auto size = static_cast<double>(sizes_.elements());
    return {2.0 * sizeof(T) * size + 4.0 * sizes_.t * sizes_.d, 3.0 * size};
  }

  std::size_t buffer_bytes() const { return sizes_.elements() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    const auto q = wb::from_float<T>(wb::random_uniform(sizes_.q_shape().size(), 2 * seed));
    const auto k = wb::from_float<T>(wb::random_uniform(sizes_.k_shape().size(), 2 * seed + 1));
    const wb::RopeTable table = quarter_turns(sizes_.t, sizes_.d);
    using Device = wb::DeviceBuffer<T>;
    return {Device(q),
            Device(k),
            Device(q),
            Device(k),
            wb::DeviceBuffer<float>(table.cosine),
            wb::DeviceBuffer<float>(table.sine)};
  }

  void clear(Buffers& b) const {
    restore(b.q, b.original_q);
    restore(b.k, b.original_k);
    b.calls = 0;
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    ++b.calls;
    function(wb::make_view(HeadsLayout::kTokenMajor, b.q.data(), sizes_.q_shape()),
             wb::make_view(sizes_.layout_k, b.k.data(), sizes_.k_shape()), b.cosine.data(), b.sine.data(),
             sizes_.b, sizes_.t, sizes_.d, sizes_.pairing, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const wb::RopeTable table = {b.cosine.download(), b.sine.download()};
    auto q = turned(b.q, b.original_q, sizes_.q_shape(), HeadsLayout::kTokenMajor, table, b.calls);
    if (!q) return q << " q";
    return turned(b.k, b.original_k, sizes_.k_shape(), sizes_.layout_k, table, b.calls) << " k";
  }

 private:
  static void restore(wb::DeviceBuffer<T>& to, const wb::DeviceBuffer<T>& from) {
    WB_CUDA_CHECK(cudaMemcpy(to.data(), from.data(), from.size() * sizeof(T), cudaMemcpyDeviceToDevice));
  }

  // The first pair, the last, and many between, in all heads: strides of primes.
  testing::AssertionResult turned(const wb::DeviceBuffer<T>& after, const wb::DeviceBuffer<T>& before,
                                  const HeadsShape& shape, HeadsLayout layout, const wb::RopeTable& table,
                                  int calls) const {
    std::vector<T> now = after.download(), then = before.download();
    const auto is = wb::make_view(layout, now.data(), shape), was = wb::make_view(layout, then.data(), shape);
    const bool half_split = sizes_.pairing == RopePairing::kHalfSplit;
    const std::int64_t pairs = shape.d / 2, all = static_cast<std::int64_t>(shape.size()) / 2;
    const double direction =
        std::is_same_v<Contract, wb::RopeBackward> || std::is_same_v<Contract, wb::RopeBackwardBf16> ? -1.0
                                                                                                     : 1.0;
    std::vector<float> got;
    std::vector<double> expected;
    const std::int64_t step = all > 100000 ? 997 : 1;
    for (std::int64_t n = 0; n < all; n = (n == all - 1 ? all : std::min(n + step, all - 1))) {
      const std::int64_t pair = n % pairs, head = n / pairs % shape.heads, token = n / pairs / shape.heads;
      const std::int64_t position = token % shape.t;
      const std::int64_t start = token / shape.t * is.stride_b + position * is.stride_t + head * is.stride_h;
      const std::int64_t i = start + (half_split ? pair : 2 * pair) * is.stride_d;
      const std::int64_t j = start + (half_split ? pair + pairs : 2 * pair + 1) * is.stride_d;
      double x = wb::to_float(was.data[i]), y = wb::to_float(was.data[j]);
      const auto at = static_cast<std::size_t>(position * pairs + pair);
      const double c = table.cosine[at], s = direction * table.sine[at];
      for (int turn = 0; turn < calls % 4; ++turn) {
        const double old_x = x;
        x = old_x * c - y * s;
        y = y * c + old_x * s;
      }
      got.insert(got.end(), {wb::to_float(is.data[i]), wb::to_float(is.data[j])});
      expected.insert(expected.end(), {x, y});
    }
    return wb::matches(got, expected, {0, 0});
  }

  Sizes sizes_;
};

// The first is the rotary embedding that the project's targets name; T 128 is the journey's preset `small`.
std::vector<Sizes> sizes() {
  constexpr auto kInterleaved = RopePairing::kInterleaved;
  constexpr auto kHalfSplit = RopePairing::kHalfSplit;
  constexpr auto kFeatureMajor = HeadsLayout::kFeatureMajor;
  if (wb::device_is_cpu()) {
    return {
        {1, 256, 8, 8, 64}, {1, 256, 8, 8, 64, kInterleaved}, {1, 256, 8, 8, 64, kHalfSplit, kFeatureMajor}};
  }
  return {{8, 2048, 32, 32, 64},
          {8, 2048, 32, 32, 64, kInterleaved},
          {8, 2048, 32, 32, 64, kHalfSplit, kFeatureMajor},
          {8, 2048, 32, 4, 64},
          {4, 4096, 32, 8, 128},
          {8, 128, 8, 4, 64}};
}

template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Sizes& s : sizes()) list.emplace_back(s);
  return list;
}

// Backward is the same kernel: one size will do.
template <class Problem>
std::vector<Problem> first_problem() {
  return {Problem(sizes().front())};
}

using Forward = RopeProblem<wb::RopeForward, float>;
using Backward = RopeProblem<wb::RopeBackward, float>;
using ForwardBf16 = RopeProblem<wb::RopeForwardBf16, wb::bf16>;
using BackwardBf16 = RopeProblem<wb::RopeBackwardBf16, wb::bf16>;
const bool kForward = wb::add_benchmark<Forward>(problems<Forward>);
const bool kBackward = wb::add_benchmark<Backward>(first_problem<Backward>);
const bool kForwardBf16 = wb::add_benchmark<ForwardBf16>(problems<ForwardBf16>);
const bool kBackwardBf16 = wb::add_benchmark<BackwardBf16>(first_problem<BackwardBf16>);

}  // namespace
