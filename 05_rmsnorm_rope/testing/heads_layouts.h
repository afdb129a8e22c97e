// For tests: (B, T, heads, D) tensors in every layout. On the host their values are always token-major.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "05_rmsnorm_rope/heads_view.h"

namespace wb {

struct HeadsShape {
  int b, t, heads, d;

  std::size_t size() const {
    return static_cast<std::size_t>(b) * static_cast<std::size_t>(t) * static_cast<std::size_t>(heads) *
           static_cast<std::size_t>(d);
  }
};

/// kFused: token-major, but three tensors side by side in each token, as one projection of all three leaves
/// them.
enum class HeadsLayout { kTokenMajor, kHeadMajor, kFeatureMajor, kFused };
inline constexpr HeadsLayout kHeadsLayouts[] = {HeadsLayout::kTokenMajor, HeadsLayout::kHeadMajor,
                                                HeadsLayout::kFeatureMajor, HeadsLayout::kFused};

inline const char* name_of(HeadsLayout layout) {
  switch (layout) {
    case HeadsLayout::kTokenMajor:
      return "token-major";
    case HeadsLayout::kHeadMajor:
      return "head-major";
    case HeadsLayout::kFeatureMajor:
      return "feature-major";
    case HeadsLayout::kFused:
      return "fused";
  }
  return "unknown";
}

/// Elements of the allocation that a view of this layout lies in.
inline std::size_t storage_size(HeadsLayout layout, const HeadsShape& shape) {
  return shape.size() * (layout == HeadsLayout::kFused ? 3 : 1);
}

template <class T>
HeadsView<T> make_view(HeadsLayout layout, T* storage, const HeadsShape& shape) {
  const auto [b, t, heads, d] = shape;
  switch (layout) {
    case HeadsLayout::kTokenMajor:
      break;
    case HeadsLayout::kHeadMajor:
      return head_major_view(storage, t, heads, d);
    case HeadsLayout::kFeatureMajor:
      return feature_major_view(storage, b, t, heads, d);
    case HeadsLayout::kFused: {
      // The middle one of the three.
      const std::int64_t row = static_cast<std::int64_t>(heads) * d;
      return {storage + row, heads, 3 * t * row, 3 * row, d, 1};
    }
  }
  return token_major_view(storage, t, heads, d);
}

/// Where in the storage each element lies, in token-major order.
inline std::vector<std::size_t> storage_indices(HeadsLayout layout, const HeadsShape& shape) {
  std::vector<float> storage(storage_size(layout, shape));
  const HeadsView<float> view = make_view(layout, storage.data(), shape);
  const std::int64_t start = view.data - storage.data();
  std::vector<std::size_t> indices;
  indices.reserve(shape.size());
  for (int b = 0; b < shape.b; ++b) {
    for (int t = 0; t < shape.t; ++t) {
      for (int h = 0; h < shape.heads; ++h) {
        for (int d = 0; d < shape.d; ++d) {
          indices.push_back(static_cast<std::size_t>(start + b * view.stride_b + t * view.stride_t +
                                                     h * view.stride_h + d * view.stride_d));
        }
      }
    }
  }
  return indices;
}

/// The storage that holds `values` (B, T, heads, D); everything between them is `gap`.
template <class T>
std::vector<T> to_storage(HeadsLayout layout, const HeadsShape& shape, const std::vector<T>& values, T gap) {
  std::vector<T> storage(storage_size(layout, shape), gap);
  const std::vector<std::size_t> indices = storage_indices(layout, shape);
  for (std::size_t i = 0; i < indices.size(); ++i) storage[indices[i]] = values[i];
  return storage;
}

/// The values (B, T, heads, D) in `storage`.
template <class T>
std::vector<T> from_storage(HeadsLayout layout, const HeadsShape& shape, const std::vector<T>& storage) {
  std::vector<T> values;
  values.reserve(shape.size());
  for (const std::size_t index : storage_indices(layout, shape)) values.push_back(storage[index]);
  return values;
}

/// How many elements between the view's own no longer are `gap`.
template <class T>
std::size_t changed_gaps(HeadsLayout layout, const HeadsShape& shape, const std::vector<T>& storage, T gap) {
  std::vector<bool> inside(storage.size());
  for (const std::size_t index : storage_indices(layout, shape)) inside[index] = true;
  std::size_t changed = 0;
  for (std::size_t i = 0; i < storage.size(); ++i) changed += !inside[i] && !(storage[i] == gap);
  return changed;
}

}  // namespace wb
