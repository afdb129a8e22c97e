// What the benchmarks of attention share: problem sizes, tensors of one call, and checks that look at a few
// rows. All of it for float and for bf16.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "06_flash_attention/testing/attention_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/implementations.h"
#include "common/core/rng.h"
#include "common/harness/bench_data.h"
#include "common/harness/bf16.h"
#include "common/harness/matcher.h"

namespace wb {

/// The contract that says how much memory an implementation of `Contract` needs.
template <class Contract>
using AttentionMemoryUseOf = std::conditional_t<std::is_same_v<Contract, AttentionForwardBf16> ||
                                                    std::is_same_v<Contract, AttentionBackwardBf16>,
                                                AttentionMemoryUseBf16, AttentionMemoryUse>;

/// Memory of the implementation that this function belongs to.
template <class Contract>
AttentionMemory attention_memory_of(typename Contract::Function* function, const AttentionShape& shape) {
  for (const auto& entry : implementations<Contract>()) {
    if (entry.function == function) {
      return find_implementation<AttentionMemoryUseOf<Contract>>(entry.name).function(shape);
    }
  }
  throw Error(std::string(Contract::kName) + ": this function is not registered");
}

struct AttentionSize : AttentionShape {
  AttentionSize(int b, int t, int h, int kv, int d, bool causal)
      : AttentionShape{b, t, h, kv, d, causal, 1.0f / std::sqrt(static_cast<float>(d))} {}

  std::size_t query_elements() const { return static_cast<std::size_t>(b) * t * h * d; }
  std::size_t key_elements() const { return static_cast<std::size_t>(b) * t * kv * d; }
  /// Query-key pairs of all heads: about half when causal.
  double pairs() const {
    return static_cast<double>(b) * h * t * (causal ? (static_cast<double>(t) + 1) / 2 : t);
  }
  std::string name() const {
    return "B" + std::to_string(b) + " H" + std::to_string(h) + "/" + std::to_string(kv) + " D" +
           std::to_string(d) + " T" + std::to_string(t) + (causal ? "" : " full");
  }
};

/// Random values on the device.
template <class T>
DeviceBuffer<T> attention_bench_input(std::size_t size, std::uint64_t seed) {
  return to_device<T>(random_uniform(size, seed, -1.5f, 1.5f));
}

template <class T>
std::vector<double> attention_bench_values(const DeviceBuffer<T>& buffer) {
  return to_double(to_float(buffer.download()));
}

/// Some queries of an attention problem, recomputed in double.
class AttentionSamples {
 public:
  AttentionSamples(const AttentionSize& size, std::vector<double> q, std::vector<double> k,
                   std::vector<double> v)
      : size_(size), q_(std::move(q)), k_(std::move(k)), v_(std::move(v)) {}

  /// Sequence, head and token of sample i of a few: the first, the last, and some between.
  static constexpr int kSamples = 12;
  struct Row {
    int b, h, t;
  };
  Row row(int i) const {
    const auto part = [&](int n) {
      return static_cast<int>(static_cast<std::int64_t>(n - 1) * i / (kSamples - 1));
    };
    return {part(size_.b), (i * 7 + part(size_.h)) % size_.h, part(size_.t)};
  }
  std::size_t query_at(Row r) const { return head_at(size_, size_.h, r.b, r.t, r.h); }
  std::size_t key_at(Row r, int s) const {
    return head_at(size_, size_.kv, r.b, s, r.h / (size_.h / size_.kv));
  }
  int keys_of(Row r) const { return size_.causal ? r.t + 1 : size_.t; }

  /// p[s] for the keys that the query sees.
  std::vector<double> probabilities(Row r) const {
    std::vector<double> p(static_cast<std::size_t>(keys_of(r)));
    for (std::size_t s = 0; s < p.size(); ++s) {
      p[s] = static_cast<double>(size_.scale) *
             dot(&q_[query_at(r)], &k_[key_at(r, static_cast<int>(s))], size_.d);
    }
    const double max = *std::max_element(p.begin(), p.end());
    double sum = 0.0;
    for (double& value : p) sum += value = std::exp(value - max);
    for (double& value : p) value /= sum;
    return p;
  }

  /// dS = P (dP - dout . out) of the keys that the query sees, times scale; out as it is stored.
  std::vector<double> dscores(Row r, const std::vector<double>& dout, const std::vector<double>& out) const {
    std::vector<double> ds = probabilities(r);
    const double delta = dot(&dout[query_at(r)], &out[query_at(r)], size_.d);
    for (std::size_t s = 0; s < ds.size(); ++s) {
      const double dp = dot(&dout[query_at(r)], &v_[key_at(r, static_cast<int>(s))], size_.d);
      ds[s] *= static_cast<double>(size_.scale) * (dp - delta);
    }
    return ds;
  }

  const std::vector<double>& q() const { return q_; }
  const std::vector<double>& k() const { return k_; }
  const std::vector<double>& v() const { return v_; }

 private:
  AttentionSize size_;
  std::vector<double> q_, k_, v_;
};

}  // namespace wb
