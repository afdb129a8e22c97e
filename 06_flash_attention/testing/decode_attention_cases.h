// For tests and benchmarks of decode attention: a problem, its cache on the device, and the oracle.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "06_flash_attention/decode_attention.h"
#include "06_flash_attention/testing/attention_oracle.h"

namespace wb {

struct DecodeSize : DecodeAttentionShape {
  DecodeSize(int b, int s, int h, int kv, int d)
      : DecodeAttentionShape{b, s, h, kv, d, 1.0f / std::sqrt(static_cast<float>(d))} {}

  std::size_t query_elements() const { return static_cast<std::size_t>(b) * h * d; }
  std::size_t cache_elements() const { return static_cast<std::size_t>(b) * s * kv * d; }
  std::string name() const {
    return "B" + std::to_string(b) + " H" + std::to_string(h) + "/" + std::to_string(kv) + " D" +
           std::to_string(d) + " S" + std::to_string(s);
  }
};

/// q (B, H, D), keys and values (B, S, K, D), all contiguous: each query alone against its tokens, in double.
inline std::vector<double> decode_attention_oracle(const std::vector<double>& q,
                                                   const std::vector<double>& keys,
                                                   const std::vector<double>& values,
                                                   const DecodeAttentionShape& shape) {
  std::vector<double> out(q.size());
  std::vector<double> p(static_cast<std::size_t>(shape.s));
  for (int b = 0; b < shape.b; ++b) {
    for (int h = 0; h < shape.h; ++h) {
      const std::size_t query = (static_cast<std::size_t>(b) * shape.h + h) * shape.d;
      const auto row = [&](int s) {
        return ((static_cast<std::size_t>(b) * shape.s + s) * shape.kv + h / (shape.h / shape.kv)) * shape.d;
      };
      double max = -INFINITY, sum = 0.0;
      for (int s = 0; s < shape.s; ++s) {
        p[s] = static_cast<double>(shape.scale) * dot(&q[query], &keys[row(s)], shape.d);
        max = std::max(max, p[s]);
      }
      for (double& weight : p) sum += weight = std::exp(weight - max);
      for (int s = 0; s < shape.s; ++s) {
        for (int c = 0; c < shape.d; ++c) out[query + c] += p[s] / sum * values[row(s) + c];
      }
    }
  }
  return out;
}

}  // namespace wb
