// Benchmark of windowed attention: the same shape with every score near, with a window and a band, and with
// a band over all of it. FLOPs are those of one encoding: who takes two products where one counts shows it.
#include "06_flash_attention/testing/windowed_attention_bench.h"

#include "06_flash_attention/windowed_attention.h"
#include "common/core/device_info.h"
#include "common/harness/bench.h"

namespace {

using Samples = wb::WindowedAttentionSamples;
using Size = wb::WindowedAttentionSize;
using Tables = wb::WindowedAttentionTables;
using wb::DeviceBuffer;

// One thread per query reads every key again: beyond this many pairs times features it takes too long.
constexpr double kThreadPerQueryLimit = 1e10;
constexpr wb::Tolerance kTolerance{2e-5, 1e-4};

std::vector<Size> sizes() {
  struct Problem {
    int b, t, h, kv, d;
  };
  std::vector<Problem> problems = {{4, 512, 8, 4, 64}, {4, 4096, 8, 4, 64}, {4, 2048, 16, 16, 128}};
  if (wb::device_is_cpu()) problems = {{1, 256, 2, 1, 64}};
  std::vector<Size> list;
  for (const auto& [b, t, h, kv, d] : problems) {
    list.emplace_back(b, t, h, kv, d, t, 0);
    list.emplace_back(b, t, h, kv, d, t / 8, t / 16);
    list.emplace_back(b, t, h, kv, d, 0, t);
  }
  return list;
}

std::string skip_reason_for(const Size& size, const std::string& implementation) {
  const bool slow =
      implementation == "thread_per_query" && size.pairs() * size.shape.d > kThreadPerQueryLimit;
  return slow ? "it would take too long" : "";
}

DeviceBuffer<float> input(std::size_t size, std::uint64_t seed) {
  return DeviceBuffer<float>(wb::random_uniform(size, seed, -1.5f, 1.5f));
}

// Row `at` of `got`, d values, against `expected`.
testing::AssertionResult row_matches(const std::vector<float>& got, std::size_t at,
                                     const std::vector<double>& expected, const char* name) {
  const auto first = got.begin() + static_cast<std::ptrdiff_t>(at);
  const std::vector<float> row(first, first + static_cast<std::ptrdiff_t>(expected.size()));
  auto result = wb::matches(row, expected, kTolerance);
  if (!result) return testing::AssertionFailure() << name << " from " << at << ": " << result.message();
  return result;
}

class ForwardProblem {
 public:
  using Contract = wb::WindowedAttentionForward;

  struct Buffers {
    DeviceBuffer<float> q, k, v, out, lse;
    Tables tables;
  };

  explicit ForwardProblem(Size size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // q, k, v and both tables read, out and lse written. A product and a weighted sum for each pair.
  wb::Work work() const {
    const double elements = 2.0 * static_cast<double>(size_.query_elements() + size_.key_elements());
    return {4.0 * (elements + static_cast<double>(size_.rows())) + size_.table_bytes(),
            4.0 * size_.shape.d * size_.pairs()};
  }

  std::size_t buffer_bytes() const { return 8 * (size_.query_elements() + size_.key_elements()); }

  std::string skip_reason(const std::string& implementation) const {
    return skip_reason_for(size_, implementation);
  }

  Buffers allocate(std::uint64_t seed) const {
    return {input(size_.query_elements(), 4 * seed),   input(size_.key_elements(), 4 * seed + 1),
            input(size_.key_elements(), 4 * seed + 2), DeviceBuffer<float>(size_.query_elements()),
            DeviceBuffer<float>(size_.rows()),         Tables(size_)};
  }

  void clear(Buffers& b) const {
    b.out.fill_bytes(0xFF);
    b.lse.fill_bytes(0xFF);
  }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.q.data(), b.k.data(), b.v.data(), b.tables.rope(size_), b.out.data(), b.lse.data(),
             size_.shape, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const Samples samples(size_, b.tables, b.q, b.k, b.v);
    const std::vector<float> out = b.out.download();
    for (int n = 0; n < Samples::kSamples; ++n) {
      const Samples::Row row = samples.sample(n, size_.shape.h);
      std::vector<double> p;
      for (int j = 0; j <= row.t; ++j) p.push_back(samples.score(row, j));
      const double max = *std::max_element(p.begin(), p.end());
      double sum = 0.0;
      for (double& value : p) sum += value = std::exp(value - max);
      std::vector<double> expected(static_cast<std::size_t>(size_.shape.d));
      for (int j = 0; j <= row.t; ++j) {
        const double* value = samples.value(row.b, samples.key_head(row.h), j);
        wb::detail::add_scaled(expected.data(), p[static_cast<std::size_t>(j)] / sum, value, size_.shape.d);
      }
      if (auto right = row_matches(out, samples.query_at(row), expected, "out"); !right) return right;
    }
    return testing::AssertionSuccess();
  }

 private:
  Size size_;
};

class BackwardProblem {
 public:
  using Contract = wb::WindowedAttentionBackward;

  struct Buffers {
    DeviceBuffer<float> dout, q, k, v, out, lse, dq, dk, dv, delta;
    Tables tables;
  };

  explicit BackwardProblem(Size size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // dout, q, k, v, out, lse and both tables read; dq, dk, dv written. Five products: scores again, dP, dQ, dK
  // and dV. Who computes scores and dP twice is not credited for it.
  wb::Work work() const {
    const double elements = 4.0 * static_cast<double>(size_.query_elements() + size_.key_elements());
    return {4.0 * (elements + static_cast<double>(size_.rows())) + size_.table_bytes(),
            10.0 * size_.shape.d * size_.pairs()};
  }

  std::size_t buffer_bytes() const { return 16 * (size_.query_elements() + size_.key_elements()); }

  std::string skip_reason(const std::string& implementation) const {
    return skip_reason_for(size_, implementation);
  }

  // Any out and lse will do: the formulas do not ask where they come from. lse near log T keeps P of the
  // order of 1 / T.
  Buffers allocate(std::uint64_t seed) const {
    const float log_t = std::log(static_cast<float>(size_.shape.t));
    return {input(size_.query_elements(), 4 * seed + 3),
            input(size_.query_elements(), 4 * seed),
            input(size_.key_elements(), 4 * seed + 1),
            input(size_.key_elements(), 4 * seed + 2),
            input(size_.query_elements(), 4 * seed + 1000),
            DeviceBuffer<float>(wb::random_uniform(size_.rows(), 4 * seed + 2000, log_t, log_t + 1.0f)),
            DeviceBuffer<float>(size_.query_elements()),
            DeviceBuffer<float>(size_.key_elements()),
            DeviceBuffer<float>(size_.key_elements()),
            DeviceBuffer<float>(size_.rows()),
            Tables(size_)};
  }

  void clear(Buffers& b) const {
    for (auto* out : {&b.dq, &b.dk, &b.dv, &b.delta}) out->fill_bytes(0xFF);
  }

  void call(Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(b.dout.data(), b.q.data(), b.k.data(), b.v.data(), b.tables.rope(size_), b.out.data(),
             b.lse.data(), b.dq.data(), b.dk.data(), b.dv.data(), b.delta.data(), size_.shape, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const Samples samples(size_, b.tables, b.q, b.k, b.v);
    const Upstream upstream{wb::to_double(b.dout.download()), wb::to_double(b.out.download()),
                            b.lse.download()};
    const std::vector<float> dq = b.dq.download(), dk = b.dk.download(), dv = b.dv.download();
    const auto& shape = size_.shape;
    const auto width = static_cast<std::size_t>(shape.d);
    for (int n = 0; n < Samples::kSamples; ++n) {
      const Samples::Row row = samples.sample(n, shape.h);
      const int head = samples.key_head(row.h);
      std::vector<double> expected(width);
      for (int j = 0; j <= row.t; ++j) {
        const double ds = weights(samples, upstream, row, j).ds;
        add_rotated_back(samples, expected, ds, samples.key(row.b, head, j), row.t, j);
      }
      if (auto right = row_matches(dq, samples.query_at(row), expected, "dq"); !right) return right;

      // The same sample as a key: every query of its group that sees it.
      const Samples::Row key = samples.sample(n, shape.kv);
      std::vector<double> expected_dk(width), expected_dv(width);
      for (int h = key.h * (shape.h / shape.kv); h < (key.h + 1) * (shape.h / shape.kv); ++h) {
        for (int i = key.t; i < shape.t; ++i) {
          const Samples::Row query{key.b, h, i};
          const auto [p, ds] = weights(samples, upstream, query, key.t);
          add_rotated_back(samples, expected_dk, ds, samples.query(query), key.t, i);
          wb::detail::add_scaled(expected_dv.data(), p, &upstream.dout[samples.query_at(query)], shape.d);
        }
      }
      const std::size_t at = samples.key_at(key.b, key.h, key.t);
      if (auto right = row_matches(dk, at, expected_dk, "dk"); !right) return right;
      if (auto right = row_matches(dv, at, expected_dv, "dv"); !right) return right;
    }
    return testing::AssertionSuccess();
  }

 private:
  struct Upstream {
    std::vector<double> dout, out;
    std::vector<float> lse;
  };
  struct Weights {
    double p, ds;
  };
  Weights weights(const Samples& samples, const Upstream& upstream, Samples::Row row, int j) const {
    const int d = size_.shape.d;
    const std::size_t at = samples.query_at(row);
    const std::size_t of_lse =
        (static_cast<std::size_t>(row.b) * size_.shape.h + row.h) * size_.shape.t + row.t;
    const double p = std::exp(samples.score(row, j) - static_cast<double>(upstream.lse[of_lse]));
    const double dp =
        wb::detail::product(&upstream.dout[at], samples.value(row.b, samples.key_head(row.h), j), d);
    const double delta = wb::detail::product(&upstream.dout[at], &upstream.out[at], d);
    return {p, p * (dp - delta)};
  }

  // sum += scale ds * the gradient, at position `at`, of a score with the row x at position `from`.
  void add_rotated_back(const Samples& samples, std::vector<double>& sum, double ds, const double* x, int at,
                        int from) const {
    const double w = samples.far_weight(at, from);
    for (const bool far : {false, true}) {
      const double share = static_cast<double>(size_.shape.scale) * ds * (far ? w : 1.0 - w);
      if (share == 0.0) continue;
      const auto back = samples.rotated(samples.rotated(x, from, far).data(), at, far, -1.0);
      wb::detail::add_scaled(sum.data(), share, back.data(), size_.shape.d);
    }
  }

  Size size_;
};

template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const Size& size : sizes()) list.emplace_back(size);
  return list;
}

const bool kForward = wb::add_benchmark<ForwardProblem>(problems<ForwardProblem>);
const bool kBackward = wb::add_benchmark<BackwardProblem>(problems<BackwardProblem>);

}  // namespace
