// Benchmark of swiglu: silu(gate) * up alone, in fp32 and bf16, where bytes count; and with its products,
// where only those do.
#include "07_tinyllama/swiglu.h"

#include <numeric>
#include <type_traits>

#include "07_tinyllama/testing/swiglu_oracle.h"
#include "common/core/device_info.h"
#include "common/core/rng.h"
#include "common/harness/bench.h"
#include "common/harness/bench_data.h"
#include "common/harness/matcher.h"

namespace {

constexpr wb::Tolerance kTolerance{1e-6, 1e-5};

struct Rows {
  int n, f;
  std::size_t area() const { return static_cast<std::size_t>(n) * static_cast<std::size_t>(f); }
  std::string name() const { return std::to_string(n) + " x " + std::to_string(f); }
};

template <class ContractOf, class T>
class GateProblem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> gate, up, out;  // (N, F)
  };

  explicit GateProblem(Rows rows) : rows_(rows) {}

  std::string name() const { return rows_.name(); }

  // gate and up read, out written; an exponential, a division and four more FLOPs.
  wb::Work work() const {
    const auto area = static_cast<double>(rows_.area());
    return {3.0 * sizeof(T) * area, 6.0 * area};
  }

  std::size_t buffer_bytes() const { return 3 * rows_.area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(rows_.area(), seed)),
            wb::to_device<T>(wb::random_uniform(rows_.area(), seed + 1000)),
            wb::DeviceBuffer<T>(rows_.area())};
  }

  void clear(Buffers& b) const { b.out.fill_bytes(0xFF); }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.gate.data(), b.up.data(), b.out.data(), static_cast<std::int64_t>(rows_.area()), stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(rows_.n);
    const auto expected = wb::silu_multiply_oracle(wb::to_double(wb::download_rows(b.gate, rows, rows_.f)),
                                                   wb::to_double(wb::download_rows(b.up, rows, rows_.f)));
    return wb::matches(wb::download_rows(b.out, rows, rows_.f), expected, wb::stored_as<T>(kTolerance));
  }

 private:
  Rows rows_;
};

template <class ContractOf, class T>
class GateBackwardProblem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> dout, gate, up, dgate, dup;  // (N, F)
  };

  explicit GateBackwardProblem(Rows rows) : rows_(rows) {}

  std::string name() const { return rows_.name(); }

  // dout, gate and up read, dgate and dup written; an exponential, a division and nine more FLOPs.
  wb::Work work() const {
    const auto area = static_cast<double>(rows_.area());
    return {5.0 * sizeof(T) * area, 11.0 * area};
  }

  std::size_t buffer_bytes() const { return 5 * rows_.area() * sizeof(T); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(rows_.area(), seed)),
            wb::to_device<T>(wb::random_uniform(rows_.area(), seed + 1000)),
            wb::to_device<T>(wb::random_uniform(rows_.area(), seed + 2000)),
            wb::DeviceBuffer<T>(rows_.area()), wb::DeviceBuffer<T>(rows_.area())};
  }

  void clear(Buffers& b) const {
    b.dgate.fill_bytes(0xFF);
    b.dup.fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.dout.data(), b.gate.data(), b.up.data(), b.dgate.data(), b.dup.data(),
             static_cast<std::int64_t>(rows_.area()), stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(rows_.n);
    const auto rows_of = [&](const wb::DeviceBuffer<T>& matrix) {
      return wb::to_double(wb::download_rows(matrix, rows, rows_.f));
    };
    const auto expected = wb::silu_multiply_backward_oracle(rows_of(b.dout), rows_of(b.gate), rows_of(b.up));
    const auto dgate =
        wb::matches(wb::download_rows(b.dgate, rows, rows_.f), expected.dgate, wb::stored_as<T>(kTolerance));
    if (!dgate) return dgate;
    return wb::matches(wb::download_rows(b.dup, rows, rows_.f), expected.dup, wb::stored_as<T>(kTolerance));
  }

 private:
  Rows rows_;
};

template <class ContractOf, class T, class Product>
class SwigluProblem {
 public:
  using Contract = ContractOf;

  struct Buffers {
    wb::DeviceBuffer<T> x, w_gate, w_up, gate, up, out;
  };

  explicit SwigluProblem(wb::SwigluSizes s) : s_(s) {}

  std::string name() const {
    return std::to_string(s_.n) + " x " + std::to_string(s_.c) + " -> " + std::to_string(s_.f);
  }

  // x and both weights read; gate, up and out written. Two products.
  wb::Work work() const {
    const double bytes = sizeof(T) * static_cast<double>(s_.x() + 2 * s_.w() + 3 * s_.out());
    return {bytes, 4.0 * static_cast<double>(s_.out()) * s_.c, std::is_same_v<T, wb::bf16>};
  }

  std::size_t buffer_bytes() const { return sizeof(T) * (s_.x() + 2 * s_.w() + 3 * s_.out()); }

  Buffers allocate(std::uint64_t seed) const {
    return {wb::to_device<T>(wb::random_uniform(s_.x(), seed)),
            wb::to_device<T>(wb::random_uniform(s_.w(), seed + 1000)),
            wb::to_device<T>(wb::random_uniform(s_.w(), seed + 2000)),
            wb::DeviceBuffer<T>(s_.out()),
            wb::DeviceBuffer<T>(s_.out()),
            wb::DeviceBuffer<T>(s_.out())};
  }

  void clear(Buffers& b) const {
    for (auto* out : {&b.gate, &b.up, &b.out}) out->fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    static typename Product::Function* const matmul = wb::library_or_solution<Product>();
    function(b.x.data(), b.w_gate.data(), b.w_up.data(), b.gate.data(), b.up.data(), b.out.data(), s_.n, s_.c,
             s_.f, matmul, stream);
  }

  // gate and up are sums of C products and reach some tens; out is of both as stored.
  testing::AssertionResult check(const Buffers& b) const {
    const std::vector<int> rows = wb::sampled_rows(s_.n, 4);
    std::vector<int> features(static_cast<std::size_t>(s_.f));  // all
    std::iota(features.begin(), features.end(), 0);
    const auto expected = wb::swiglu_oracle({static_cast<int>(rows.size()), s_.c, s_.f},
                                            wb::to_double(wb::download_rows(b.x, rows, s_.c)),
                                            wb::to_double(wb::download_rows(b.w_gate, features, s_.c)),
                                            wb::to_double(wb::download_rows(b.w_up, features, s_.c)));
    const auto stored = [&](const wb::DeviceBuffer<T>& matrix) {
      return wb::to_double(wb::download_rows(matrix, rows, s_.f));
    };
    const auto agrees = [&](const wb::DeviceBuffer<T>& matrix, const std::vector<double>& by_oracle) {
      return wb::matches(wb::download_rows(matrix, rows, s_.f), by_oracle,
                         wb::stored_as<T>(wb::Tolerance{2e-3, 1e-4}),
                         {{static_cast<int>(rows.size()), s_.f}});
    };
    if (auto gate = agrees(b.gate, expected.gate); !gate) return gate << " in gate";
    if (auto up = agrees(b.up, expected.up); !up) return up << " in up";
    return agrees(b.out, wb::silu_multiply_oracle(stored(b.gate), stored(b.up)));
  }

 private:
  wb::SwigluSizes s_;
};

// The feed-forward of preset tinyllama, and something smaller.
template <class Problem>
std::vector<Problem> gates() {
  std::vector<Problem> list;
  const std::vector<Rows> sizes = wb::device_is_cpu() ? std::vector<Rows>{{256, 1024}, {512, 2048}}
                                                      : std::vector<Rows>{{1024, 2048}, {16384, 5632}};
  for (const Rows& rows : sizes) list.emplace_back(rows);
  return list;
}

// Layers of presets nano, small and medium.
template <class Problem>
std::vector<Problem> products() {
  std::vector<Problem> list;
  const std::vector<wb::SwigluSizes> sizes =
      wb::device_is_cpu() ? std::vector<wb::SwigluSizes>{{256, 128, 1024}}
                          : std::vector<wb::SwigluSizes>{{1024, 512, 2048}, {8192, 1024, 4096}};
  for (const wb::SwigluSizes& s : sizes) list.emplace_back(s);
  return list;
}

using Forward = GateProblem<wb::SiluMultiply, float>;
using ForwardBf16 = GateProblem<wb::SiluMultiplyBf16, wb::bf16>;
using Backward = GateBackwardProblem<wb::SiluMultiplyBackward, float>;
using BackwardBf16 = GateBackwardProblem<wb::SiluMultiplyBackwardBf16, wb::bf16>;
const bool kForward = wb::add_benchmark<Forward>(gates<Forward>);
const bool kForwardBf16 = wb::add_benchmark<ForwardBf16>(gates<ForwardBf16>);
const bool kBackward = wb::add_benchmark<Backward>(gates<Backward>);
const bool kBackwardBf16 = wb::add_benchmark<BackwardBf16>(gates<BackwardBf16>);
using Layer = SwigluProblem<wb::SwigluForward, float, wb::Matmul>;
using LayerBf16 = SwigluProblem<wb::SwigluForwardBf16, wb::bf16, wb::MatmulBf16>;
const bool kLayer = wb::add_benchmark<Layer>(products<Layer>);
const bool kLayerBf16 = wb::add_benchmark<LayerBf16>(products<LayerBf16>);

}  // namespace
