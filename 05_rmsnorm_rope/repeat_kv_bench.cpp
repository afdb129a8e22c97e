// Benchmark of repeat_kv, forward and backward, in fp32 and bf16: the same bytes, from keys and values that
// lie well (token-major) and badly (feature-major).
#include <type_traits>

#include "05_rmsnorm_rope/repeat_kv.h"
#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "common/core/device_buffer.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/bf16.h"
#include "common/harness/matcher.h"

namespace {

using wb::HeadsLayout;
using wb::HeadsShape;

struct Sizes {
  int b, t, h, k, d;
  HeadsLayout layout = HeadsLayout::kTokenMajor;

  HeadsShape view() const { return {b, t, k, d}; }
  std::size_t repeated() const { return HeadsShape{b, t, h, d}.size(); }
};

template <class BenchedContract, class T>
class RepeatKvProblem {
 public:
  using Contract = BenchedContract;
  static constexpr bool kIsForward =
      std::is_same_v<Contract, wb::RepeatKvForward> || std::is_same_v<Contract, wb::RepeatKvForwardBf16>;

  struct Buffers {
    wb::DeviceBuffer<T> view;      // (B, T, K, D) in the layout
    wb::DeviceBuffer<T> repeated;  // (B, H, T, D)
  };

  explicit RepeatKvProblem(const Sizes& sizes) : sizes_(sizes) {}

  std::string name() const {
    const auto& s = sizes_;
    return "B" + std::to_string(s.b) + " T" + std::to_string(s.t) + " H" + std::to_string(s.h) + "/" +
           std::to_string(s.k) + " D" + std::to_string(s.d) + ", " + wb::name_of(s.layout);
  }

  // One side read, the other written; backward adds up the H / K heads of each group.
  wb::Work work() const {
    const auto small = static_cast<double>(sizes_.view().size());
    const auto large = static_cast<double>(sizes_.repeated());
    return {sizeof(T) * (small + large), kIsForward ? 0.0 : large - small};
  }

  std::size_t buffer_bytes() const { return (sizes_.view().size() + sizes_.repeated()) * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(sizes_.view().size(), 2 * seed)),
            wb::to_device<T>(wb::random_uniform(sizes_.repeated(), 2 * seed + 1))};
  }

  void clear(Buffers& b) const { (kIsForward ? b.repeated : b.view).fill_bytes(0xFF); }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    const auto [batches, t, h, k, d, layout] = sizes_;
    if constexpr (kIsForward) {
      function(wb::make_view<const T>(layout, b.view.data(), sizes_.view()), b.repeated.data(), batches, t, h,
               d, stream);
    } else {
      function(b.repeated.data(), wb::make_view(layout, b.view.data(), sizes_.view()), batches, t, h, d,
               stream);
    }
  }

  // The first element of the view, the last, and many between.
  testing::AssertionResult check(const Buffers& b) const {
    const auto [batches, t, h, k, d, layout] = sizes_;
    std::vector<T> small = b.view.download();
    const std::vector<T> large = b.repeated.download();
    const auto view = wb::make_view(layout, small.data(), sizes_.view());
    const auto all = static_cast<std::int64_t>(small.size()), step = std::int64_t{all > 100000 ? 97 : 1};
    std::vector<float> got;
    std::vector<double> expected;
    for (std::int64_t n = 0; n < all; n = (n == all - 1 ? all : std::min(n + step, all - 1))) {
      const std::int64_t i = n % d, head = n / d % k, position = n / d / k % t, batch = n / d / k / t;
      const float one = wb::to_float(view.data[batch * view.stride_b + position * view.stride_t +
                                               head * view.stride_h + i * view.stride_d]);
      double sum = 0.0;
      for (std::int64_t copy = head * (h / k); copy < (head + 1) * (h / k); ++copy) {
        const float value =
            wb::to_float(large[static_cast<std::size_t>(((batch * h + copy) * t + position) * d + i)]);
        sum += static_cast<double>(value);
        if constexpr (kIsForward) {
          got.push_back(value);
          expected.push_back(one);
        }
      }
      if constexpr (!kIsForward) {
        got.push_back(one);
        expected.push_back(sum);
      }
    }
    if (kIsForward) return wb::matches(got, expected, {0, 0});
    return wb::matches(got, expected, wb::stored_as<T>({2e-6, 1e-6}));
  }

 private:
  Sizes sizes_;
};

// H32/4 is TinyLlama's; without repetition (32/32) the reading shows most. T 128 is the journey's preset
// `small`.
std::vector<Sizes> sizes() {
  std::vector<Sizes> list;
  for (const HeadsLayout layout : {HeadsLayout::kTokenMajor, HeadsLayout::kFeatureMajor}) {
    if (wb::device_is_cpu()) {
      list.insert(list.end(), {{1, 512, 8, 8, 64, layout}, {1, 512, 8, 2, 64, layout}});
    } else {
      list.insert(list.end(),
                  {{8, 2048, 32, 32, 64, layout}, {8, 2048, 32, 4, 64, layout}, {8, 128, 8, 4, 64, layout}});
    }
  }
  return list;
}

template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Sizes& s : sizes()) list.emplace_back(s);
  return list;
}

using Forward = RepeatKvProblem<wb::RepeatKvForward, float>;
using Backward = RepeatKvProblem<wb::RepeatKvBackward, float>;
using ForwardBf16 = RepeatKvProblem<wb::RepeatKvForwardBf16, wb::bf16>;
using BackwardBf16 = RepeatKvProblem<wb::RepeatKvBackwardBf16, wb::bf16>;
const bool kForward = wb::add_benchmark<Forward>(problems<Forward>);
const bool kBackward = wb::add_benchmark<Backward>(problems<Backward>);
const bool kForwardBf16 = wb::add_benchmark<ForwardBf16>(problems<ForwardBf16>);
const bool kBackwardBf16 = wb::add_benchmark<BackwardBf16>(problems<BackwardBf16>);

}  // namespace
