// Benchmark of attention, forward and backward, in fp32 and bf16: how time grows with T when the scores are
// stored and when they are not, and the shapes of models.
#include "06_flash_attention/testing/attention_bench.h"

#include <type_traits>

#include "06_flash_attention/attention.h"
#include "06_flash_attention/testing/attention_arithmetic.h"
#include "common/core/device_info.h"
#include "common/harness/bench.h"

namespace {

using wb::AttentionSamples;
using wb::AttentionSize;
using wb::bf16;

// Beyond this much memory for saved and scratch, an implementation is not measured.
constexpr double kMemoryLimit = 12e9;
// Products of one thread per query read every key and value again: beyond this many FLOPs it takes too long.
constexpr double kThreadPerQueryFlops = 4e10;

std::vector<AttentionSize> sizes() {
  if (wb::device_is_cpu()) {
    return {{1, 64, 4, 2, 64, true},
            {1, 128, 4, 2, 64, true},
            {1, 256, 4, 2, 64, true},
            {1, 256, 4, 2, 64, false}};
  }
  std::vector<AttentionSize> list;
  for (const int t : {128, 256, 512, 1024, 2048, 4096}) list.push_back({4, t, 8, 4, 64, true});
  list.push_back({4, 1024, 8, 4, 64, false});
  list.push_back({8, 128, 8, 4, 64, true});
  list.push_back({4, 2048, 32, 4, 64, true});
  list.push_back({4, 4096, 16, 16, 128, true});
  return list;
}

template <class Contract>
std::string skip_reason_for(const AttentionSize& size, double flops, const std::string& implementation) {
  const wb::AttentionMemory memory =
      wb::find_implementation<wb::AttentionMemoryUseOf<Contract>>(implementation).function(size);
  const double bytes = 4.0 * static_cast<double>(memory.saved + memory.scratch);
  if (bytes > kMemoryLimit)
    return "its scores would take " + std::to_string(static_cast<int>(bytes / 1e9)) + " GB";
  const bool may_be_slow = implementation == "starter" || implementation.ends_with("_per_query");
  if (!wb::device_is_cpu() && may_be_slow && flops > kThreadPerQueryFlops) {
    return "it would take too long";
  }
  return {};
}

// Arithmetic is fp32; results in bf16 are rounded, each to 1 part in 256. Gradients come from a rounded out
// as well, but so does what they are compared with.
template <class T>
wb::Tolerance out_tolerance() {
  return wb::stored_as<T>({5e-6, 1e-4});
}
template <class T>
wb::Tolerance gradient_tolerance() {
  return wb::stored_as<T>({1e-5, 1e-4});
}

template <class Contract>
std::string name_of(typename Contract::Function* function) {
  for (const auto& entry : wb::implementations<Contract>()) {
    if (entry.function == function) return entry.name;
  }
  throw wb::Error(std::string(Contract::kName) + ": this function is not registered");
}

// One row of a result: a sum of rows, and how far it may be off when each weight was rounded to bf16.
class WeightedSum {
 public:
  WeightedSum(int d, int roundings)
      : error_(roundings * wb::kBf16Rounding), sum_(static_cast<std::size_t>(d)), shape_{{1, d}} {
    shape_.slack.resize(sum_.size());
  }
  void add(double weight, const double* values) {
    for (std::size_t c = 0; c < sum_.size(); ++c) {
      sum_[c] += weight * values[c];
      shape_.slack[c] += std::abs(error_ * weight * values[c]);
    }
  }
  testing::AssertionResult matches(const std::vector<double>& all, std::size_t at,
                                   const wb::Tolerance& tolerance) const {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
    const std::vector<float> got(first, first + static_cast<std::ptrdiff_t>(sum_.size()));
    return wb::matches(got, sum_, tolerance, shape_);
  }

 private:
  double error_;
  std::vector<double> sum_;
  wb::Shape shape_;
};

template <class T, class ForwardContract>
class ForwardProblem {
 public:
  using Contract = ForwardContract;

  struct Buffers {
    wb::DeviceBuffer<T> q, k, v, out;
    wb::DeviceBuffer<float> saved;
    wb::AttentionArithmetic arithmetic = {};
  };

  explicit ForwardProblem(AttentionSize size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // q, k, v read, out and the log-sum-exp written. A dot product and a weighted sum for each pair.
  wb::Work work() const {
    const double elements = 2.0 * static_cast<double>(size_.query_elements() + size_.key_elements());
    return {elements * sizeof(T) + 4.0 * size_.b * size_.h * size_.t, 4.0 * size_.d * size_.pairs(),
            std::is_same_v<T, wb::bf16>};
  }

  std::size_t buffer_bytes() const { return 2 * (size_.query_elements() + size_.key_elements()) * sizeof(T); }

  std::string skip_reason(const std::string& implementation) const {
    return skip_reason_for<Contract>(size_, work().flops, implementation);
  }

  Buffers allocate(std::uint64_t seed, typename Contract::Function* function) const {
    return {wb::attention_bench_input<T>(size_.query_elements(), 4 * seed),
            wb::attention_bench_input<T>(size_.key_elements(), 4 * seed + 1),
            wb::attention_bench_input<T>(size_.key_elements(), 4 * seed + 2),
            wb::DeviceBuffer<T>(size_.query_elements()),
            wb::DeviceBuffer<float>(wb::attention_memory_of<Contract>(function, size_).saved),
            std::is_same_v<T, bf16> ? wb::attention_arithmetic_of(name_of<Contract>(function))
                                    : wb::AttentionArithmetic{}};
  }

  void clear(Buffers& b) const {
    b.out.fill_bytes(0xFF);
    b.saved.fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    const auto view = [&](auto& buffer, int heads) {
      return wb::token_major_view(buffer.data(), size_.t, heads, size_.d);
    };
    function(view(b.q, size_.h), view(b.k, size_.kv), view(b.v, size_.kv), view(b.out, size_.h),
             b.saved.data(), size_, stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const AttentionSamples samples(size_, wb::attention_bench_values(b.q), wb::attention_bench_values(b.k),
                                   wb::attention_bench_values(b.v));
    const std::vector<double> out = wb::attention_bench_values(b.out);
    for (int i = 0; i < AttentionSamples::kSamples; ++i) {
      const AttentionSamples::Row row = samples.row(i);
      WeightedSum sum(size_.d, b.arithmetic.p_roundings);
      const std::vector<double> p = samples.probabilities(row);
      for (int s = 0; s < samples.keys_of(row); ++s) {
        sum.add(p[static_cast<std::size_t>(s)], &samples.v()[samples.key_at(row, s)]);
      }
      const auto right = sum.matches(out, samples.query_at(row), out_tolerance<T>());
      if (!right) return testing::AssertionFailure() << "query sample " << i << ": " << right.message();
    }
    return testing::AssertionSuccess();
  }

 private:
  AttentionSize size_;
};

template <class T, class ForwardContract, class BackwardContract>
class BackwardProblem {
 public:
  using Contract = BackwardContract;

  struct Buffers {
    wb::DeviceBuffer<T> dout, q, k, v, out, dq, dk, dv;
    wb::DeviceBuffer<float> saved, scratch;
    wb::AttentionArithmetic arithmetic = {};
  };

  explicit BackwardProblem(AttentionSize size) : size_(size) {}

  std::string name() const { return size_.name(); }

  // dout, q, k, v, out and the log-sum-exp read; dq, dk, dv written. Five products: scores again, dP, dQ, dK
  // and dV. Who computes scores and dP twice is not credited for it.
  wb::Work work() const {
    const double elements = 4.0 * static_cast<double>(size_.query_elements() + size_.key_elements());
    return {elements * sizeof(T) + 4.0 * size_.b * size_.h * size_.t, 10.0 * size_.d * size_.pairs(),
            std::is_same_v<T, wb::bf16>};
  }

  std::size_t buffer_bytes() const { return 4 * (size_.query_elements() + size_.key_elements()) * sizeof(T); }

  std::string skip_reason(const std::string& implementation) const {
    return skip_reason_for<Contract>(size_, work().flops, implementation);
  }

  // Runs the forward pass of the same name, for out and for what it saves. A rung that climbs backward alone
  // has none: it takes the solution's, which saves the log-sum-exp as well.
  Buffers allocate(std::uint64_t seed, typename Contract::Function* function) const {
    const std::size_t queries = size_.query_elements(), keys = size_.key_elements();
    const wb::AttentionMemory memory = wb::attention_memory_of<Contract>(function, size_);
    Buffers b{wb::attention_bench_input<T>(queries, 4 * seed + 3),
              wb::attention_bench_input<T>(queries, 4 * seed),
              wb::attention_bench_input<T>(keys, 4 * seed + 1),
              wb::attention_bench_input<T>(keys, 4 * seed + 2),
              wb::DeviceBuffer<T>(queries),
              wb::DeviceBuffer<T>(queries),
              wb::DeviceBuffer<T>(keys),
              wb::DeviceBuffer<T>(keys),
              wb::DeviceBuffer<float>(memory.saved),
              wb::DeviceBuffer<float>(memory.scratch)};
    const std::string name = name_of<Contract>(function);
    if (std::is_same_v<T, bf16>) b.arithmetic = wb::attention_arithmetic_of(name);
    forward_of(name)(query_view(b.q), key_view(b.k), key_view(b.v), query_view(b.out), b.saved.data(), size_,
                     nullptr);
    return b;
  }

  void clear(Buffers& b) const {
    for (auto* out : {&b.dq, &b.dk, &b.dv}) out->fill_bytes(0xFF);
    b.scratch.fill_bytes(0xFF);
  }

  void call(typename Contract::Function* function, Buffers& b, cudaStream_t stream) const {
    function(query_view(b.dout), query_view(b.q), key_view(b.k), key_view(b.v), query_view(b.out),
             b.saved.data(), query_view(b.dq), key_view(b.dk), key_view(b.dv), b.scratch.data(), size_,
             stream);
  }

  testing::AssertionResult check(const Buffers& b) const {
    const AttentionSamples samples(size_, wb::attention_bench_values(b.q), wb::attention_bench_values(b.k),
                                   wb::attention_bench_values(b.v));
    const std::vector<double> dout = wb::attention_bench_values(b.dout),
                              out = wb::attention_bench_values(b.out), dq = wb::attention_bench_values(b.dq);
    for (int i = 0; i < AttentionSamples::kSamples; ++i) {
      const auto row = samples.row(i);
      const std::vector<double> ds = samples.dscores(row, dout, out);
      WeightedSum sum(size_.d, b.arithmetic.ds_roundings);
      for (std::size_t s = 0; s < ds.size(); ++s) {
        sum.add(ds[s], &samples.k()[samples.key_at(row, static_cast<int>(s))]);
      }
      const auto right = sum.matches(dq, samples.query_at(row), gradient_tolerance<T>());
      if (!right) return testing::AssertionFailure() << "dq, sample " << i << ": " << right.message();
    }
    if (auto keys = check_last_key(b, samples, dout, out); !keys) return keys;
    return check_all_keys(b, samples, dout, dq);
  }

 private:
  static typename ForwardContract::Function* forward_of(const std::string& name) {
    for (const auto& forward : wb::implementations<ForwardContract>()) {
      if (forward.name == name) return forward.function;
    }
    return wb::find_implementation<ForwardContract>("solution").function;
  }

  wb::HeadsView<T> query_view(wb::DeviceBuffer<T>& b) const {
    return wb::token_major_view(b.data(), size_.t, size_.h, size_.d);
  }
  wb::HeadsView<T> key_view(wb::DeviceBuffer<T>& b) const {
    return wb::token_major_view(b.data(), size_.t, size_.kv, size_.d);
  }

  // The last key of a causal problem is seen by the last query of each head alone: cheap to recompute.
  testing::AssertionResult check_last_key(const Buffers& b, const AttentionSamples& samples,
                                          const std::vector<double>& dout,
                                          const std::vector<double>& out) const {
    if (!size_.causal) return testing::AssertionSuccess();
    const auto dk = wb::attention_bench_values(b.dk), dv = wb::attention_bench_values(b.dv);
    WeightedSum dk_sum(size_.d, b.arithmetic.ds_roundings), dv_sum(size_.d, b.arithmetic.p_roundings);
    AttentionSamples::Row row{size_.b - 1, 0, size_.t - 1};
    const std::size_t key = samples.key_at(row, size_.t - 1);
    for (; row.h < size_.h / size_.kv; ++row.h) {
      dk_sum.add(samples.dscores(row, dout, out).back(), &samples.q()[samples.query_at(row)]);
      dv_sum.add(samples.probabilities(row).back(), &dout[samples.query_at(row)]);
    }
    if (auto right = dk_sum.matches(dk, key, gradient_tolerance<T>()); !right) {
      return testing::AssertionFailure() << "dk of the last key: " << right.message();
    }
    return dv_sum.matches(dv, key, gradient_tolerance<T>()) << " dv of the last key";
  }

  // Two identities that every key takes part in: the rows of P sum to 1, so the sum of dv is that of dout;
  // and the sums of q dq and of k dk are both that of score dS.
  testing::AssertionResult check_all_keys(const Buffers& b, const AttentionSamples& samples,
                                          const std::vector<double>& dout,
                                          const std::vector<double>& dq) const {
    const auto dk = wb::attention_bench_values(b.dk), dv = wb::attention_bench_values(b.dv);
    double dv_sum = 0.0, dout_sum = 0.0, magnitude = 0.0, q_dq = 0.0, k_dk = 0.0, product = 0.0;
    for (std::size_t i = 0; i < dout.size(); ++i) {
      dout_sum += dout[i];
      q_dq += samples.q()[i] * dq[i];
      product += std::abs(samples.q()[i] * dq[i]);
    }
    for (std::size_t i = 0; i < dv.size(); ++i) {
      dv_sum += dv[i];
      magnitude += std::abs(dv[i]);
      k_dk += samples.k()[i] * dk[i];
    }
    const double rounding = std::is_same_v<T, float> ? 1e-6 : 1e-3;
    if (!(std::abs(dv_sum - dout_sum) <= rounding * magnitude)) {
      return testing::AssertionFailure() << "dv sums to " << dv_sum << ", dout to " << dout_sum;
    }
    if (!(std::abs(q_dq - k_dk) <= rounding * product)) {
      return testing::AssertionFailure() << "q dq sums to " << q_dq << ", k dk to " << k_dk;
    }
    return testing::AssertionSuccess();
  }

  AttentionSize size_;
};

template <class Problem>
std::vector<Problem> problems() {
  std::vector<Problem> list;
  for (const AttentionSize& size : sizes()) list.emplace_back(size);
  return list;
}

using Forward = ForwardProblem<float, wb::AttentionForward>;
using Backward = BackwardProblem<float, wb::AttentionForward, wb::AttentionBackward>;
using ForwardBf16 = ForwardProblem<bf16, wb::AttentionForwardBf16>;
using BackwardBf16 = BackwardProblem<bf16, wb::AttentionForwardBf16, wb::AttentionBackwardBf16>;

const bool kForward = wb::add_benchmark<Forward>(problems<Forward>);
const bool kBackward = wb::add_benchmark<Backward>(problems<Backward>);
const bool kForwardBf16 = wb::add_benchmark_if_linked<ForwardBf16>(problems<ForwardBf16>);
const bool kBackwardBf16 = wb::add_benchmark_if_linked<BackwardBf16>(problems<BackwardBf16>);

}  // namespace
