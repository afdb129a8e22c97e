// A problem of the windowed attention benchmark, and some rows of it recomputed in double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "06_flash_attention/testing/windowed_attention_oracle.h"
#include "common/core/device_buffer.h"
#include "common/core/rng.h"
#include "common/harness/matcher.h"

namespace wb {

struct WindowedAttentionSize {
  WindowedAttentionShape shape;
  int window, band;

  WindowedAttentionSize(int b, int t, int h, int kv, int d, int window, int band)
      : shape{b, t, h, kv, d, true, 1.0f / std::sqrt(static_cast<float>(d))}, window(window), band(band) {}

  std::size_t tokens() const { return static_cast<std::size_t>(shape.b) * static_cast<std::size_t>(shape.t); }
  std::size_t query_elements() const { return tokens() * static_cast<std::size_t>(shape.h * shape.d); }
  std::size_t key_elements() const { return tokens() * static_cast<std::size_t>(shape.kv * shape.d); }
  std::size_t rows() const { return tokens() * static_cast<std::size_t>(shape.h); }
  double table_bytes() const { return 4.0 * 2 * shape.t * shape.d; }
  /// Query-key pairs of all heads, the masked ones left out.
  double pairs() const { return static_cast<double>(rows()) * (static_cast<double>(shape.t) + 1) / 2; }

  std::string name() const {
    const std::string blend = window + 1 >= shape.t
                                  ? "all near"
                                  : "window " + std::to_string(window) +
                                        (band >= shape.t ? ", all band" : ", band " + std::to_string(band));
    return "B" + std::to_string(shape.b) + " H" + std::to_string(shape.h) + "/" + std::to_string(shape.kv) +
           " D" + std::to_string(shape.d) + " T" + std::to_string(shape.t) + ", " + blend;
  }
};

/// Both tables, on the host and on the device.
struct WindowedAttentionTables {
  RopeTable near, far;
  DeviceBuffer<float> near_cosine, near_sine, far_cosine, far_sine;

  explicit WindowedAttentionTables(const WindowedAttentionSize& size)
      : near(make_rope_table(size.shape.t, size.shape.d, 10000.0)),
        far(make_rope_table(size.shape.t, size.shape.d, 1000000.0)),
        near_cosine(near.cosine),
        near_sine(near.sine),
        far_cosine(far.cosine),
        far_sine(far.sine) {}

  BlendedRope rope(const WindowedAttentionSize& size) const {
    return {near_cosine.data(), near_sine.data(), far_cosine.data(), far_sine.data(), size.window, size.band};
  }
};

/// Single rows, by the definition: all of a large problem would take longer to check than to measure.
class WindowedAttentionSamples {
 public:
  WindowedAttentionSamples(const WindowedAttentionSize& size, const WindowedAttentionTables& tables,
                           const DeviceBuffer<float>& q, const DeviceBuffer<float>& k,
                           const DeviceBuffer<float>& v)
      : size_(size),
        tables_(tables),
        far_weight_(far_weight_of(size.window, size.band)),
        q_(to_double(q.download())),
        k_(to_double(k.download())),
        v_(to_double(v.download())) {}

  struct Row {
    int b, h, t;
  };
  /// Sample i: heads and tokens from the first to the last.
  static constexpr int kSamples = 9;
  Row sample(int i, int heads) const {
    const auto part = [&](int n) {
      return static_cast<int>(static_cast<std::int64_t>(n - 1) * i / (kSamples - 1));
    };
    return {part(size_.shape.b), (5 * i + part(heads)) % heads, part(size_.shape.t)};
  }
  std::size_t query_at(Row r) const { return detail::row_start(size_.shape, size_.shape.h, r.b, r.t, r.h); }
  std::size_t key_at(int b, int head, int t) const {
    return detail::row_start(size_.shape, size_.shape.kv, b, t, head);
  }
  int key_head(int h) const { return h / (size_.shape.h / size_.shape.kv); }

  std::vector<double> rotated(const double* x, int position, bool far, double direction = 1.0) const {
    const RopeTable& table = far ? tables_.far : tables_.near;
    const int half = size_.shape.d / 2;
    std::vector<double> y(static_cast<std::size_t>(size_.shape.d));
    for (int c = 0; c < half; ++c) {
      const auto at = static_cast<std::size_t>(position) * half + c;
      const double cosine = table.cosine[at], sine = direction * table.sine[at];
      y[c] = x[c] * cosine - x[half + c] * sine;
      y[half + c] = x[half + c] * cosine + x[c] * sine;
    }
    return y;
  }

  double far_weight(int i, int j) const { return far_weight_(i, j); }
  double score(Row r, int j) const {
    const double w = far_weight(r.t, j);
    double sum = 0.0;
    for (const bool far : {false, true}) {
      const double weight = far ? w : 1.0 - w;
      if (weight == 0.0) continue;
      const auto query = rotated(&q_[query_at(r)], r.t, far);
      const auto key = rotated(&k_[key_at(r.b, key_head(r.h), j)], j, far);
      sum += weight * detail::product(query.data(), key.data(), size_.shape.d);
    }
    return static_cast<double>(size_.shape.scale) * sum;
  }

  const double* query(Row r) const { return &q_[query_at(r)]; }
  const double* key(int b, int head, int t) const { return &k_[key_at(b, head, t)]; }
  const double* value(int b, int head, int t) const { return &v_[key_at(b, head, t)]; }

 private:
  WindowedAttentionSize size_;
  const WindowedAttentionTables& tables_;
  FarWeight far_weight_;
  std::vector<double> q_, k_, v_;
};

}  // namespace wb
