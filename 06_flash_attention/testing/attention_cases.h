// Inputs for attention tests: seeded tensors, the layouts they are stored in, and the way back.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "05_rmsnorm_rope/testing/heads_layouts.h"
#include "06_flash_attention/testing/attention_oracle.h"
#include "common/core/rng.h"
#include "common/harness/guarded_buffer.h"
#include "common/harness/matcher.h"

namespace wb {

/// A tensor of `heads` heads in one of the layouts of chapter 05's tests, except kFused.
template <class T>
HeadsView<T> layout_view(HeadsLayout layout, T* data, const AttentionShape& shape, int heads) {
  return make_view(layout, data, HeadsShape{shape.b, shape.t, heads, shape.d});
}

/// Calls visit(token_major_index, view_offset) for every element of a (B, T, heads, D) tensor.
template <class T, class Visit>
void for_each_element(const HeadsView<T>& view, const AttentionShape& shape, Visit visit) {
  std::size_t index = 0;
  for (int b = 0; b < shape.b; ++b) {
    for (int t = 0; t < shape.t; ++t) {
      for (int h = 0; h < view.heads; ++h) {
        for (int d = 0; d < shape.d; ++d) {
          visit(index++, b * view.stride_b + t * view.stride_t + h * view.stride_h + d * view.stride_d);
        }
      }
    }
  }
}

/// A tensor on the device in some layout; its values on the host are always token-major.
class HeadsTensor {
 public:
  static HeadsTensor input(const std::vector<float>& values, HeadsLayout layout, const AttentionShape& shape,
                           int heads, std::size_t misalign = 0) {
    std::vector<float> stored(values.size());
    for_each_element(layout_view<const float>(layout, nullptr, shape, heads), shape,
                     [&](std::size_t index, std::int64_t offset) { stored[offset] = values[index]; });
    return {GuardedBuffer<float>::input(std::move(stored), misalign), layout, shape, heads};
  }
  static HeadsTensor output(HeadsLayout layout, const AttentionShape& shape, int heads,
                            std::size_t misalign = 0) {
    const std::size_t size = static_cast<std::size_t>(shape.b) * shape.t * heads * shape.d;
    return {GuardedBuffer<float>::output(size, misalign), layout, shape, heads};
  }

  HeadsView<float> view() { return layout_view(layout_, buffer_.data(), shape_, heads_); }

  std::vector<float> values() {
    const std::vector<float> stored = buffer_.download();
    std::vector<float> values(stored.size());
    for_each_element(view(), shape_,
                     [&](std::size_t index, std::int64_t offset) { values[index] = stored[offset]; });
    return values;
  }

  testing::AssertionResult matches(const std::vector<double>& expected, const Tolerance& tolerance) {
    return wb::matches(values(), expected, tolerance, {{shape_.b, shape_.t, heads_, shape_.d}});
  }
  testing::AssertionResult check(const char* name) const { return buffer_.check(name); }

 private:
  HeadsTensor(GuardedBuffer<float> buffer, HeadsLayout layout, const AttentionShape& shape, int heads)
      : buffer_(std::move(buffer)), layout_(layout), shape_(shape), heads_(heads) {}

  GuardedBuffer<float> buffer_;
  HeadsLayout layout_;
  AttentionShape shape_;
  int heads_;
};

/// Host values of one attention problem, all token-major.
struct AttentionInputs {
  std::vector<float> q;     // (B, T, H, D)
  std::vector<float> k;     // (B, T, K, D)
  std::vector<float> v;     // (B, T, K, D)
  std::vector<float> dout;  // (B, T, H, D)
};

inline AttentionInputs random_inputs(const AttentionShape& shape, std::uint64_t seed = 1) {
  const std::size_t tokens = static_cast<std::size_t>(shape.b) * shape.t;
  const std::size_t queries = tokens * shape.h * shape.d;
  const std::size_t keys = tokens * shape.kv * shape.d;
  return {random_normal(queries, seed), random_normal(keys, seed + 1), random_normal(keys, seed + 2),
          random_normal(queries, seed + 3)};
}

/// A shape with the scale of a Llama.
inline AttentionShape llama_shape(int b, int t, int h, int kv, int d, bool causal) {
  return {b, t, h, kv, d, causal, 1.0f / std::sqrt(static_cast<float>(d))};
}

inline std::string describe(const AttentionShape& shape, HeadsLayout layout) {
  return "B " + std::to_string(shape.b) + ", T " + std::to_string(shape.t) + ", H " +
         std::to_string(shape.h) + ", kv " + std::to_string(shape.kv) + ", D " + std::to_string(shape.d) +
         (shape.causal ? ", causal, " : ", full, ") + name_of(layout);
}

}  // namespace wb
