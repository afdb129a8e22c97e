// The host's side of the wgmma rungs.
#pragma once

#include <algorithm>

#include "common/core/device_attribute.h"
#include "solutions/ladders/attention_bf16/warpgroup_tiles.cuh"

namespace wb::attention {

/// What TMA cannot read, and a scale that is not positive (the largest score must have the largest weight),
/// is left to rung 1.
inline bool suits_warpgroups(const Pass& pass) {
  return has_vectors(pass) && pass.shape.scale > 0.0f;
}

/// Query heads whose keys and values together take about half of the L2 cache; all heads that share keys.
inline int heads_in_cache(const AttentionShape& shape) {
  const std::int64_t bytes = std::int64_t{shape.t} * shape.d * 2 * static_cast<std::int64_t>(sizeof(bf16));
  const std::int64_t kv_heads =
      std::max<std::int64_t>(1, device_attribute(cudaDevAttrL2CacheSize) / 2 / bytes);
  const std::int64_t all = std::int64_t{shape.b} * shape.h;
  return static_cast<int>(std::min(all, kv_heads * (shape.h / shape.kv)));
}

template <class View>
CUtensorMap map_view(const View& view, const AttentionShape& shape, int rows) {
  const hopper::MappedHeads heads{view.data, shape.b,       shape.t,       view.heads,
                                  shape.d,   view.stride_b, view.stride_t, view.stride_h};
  return hopper::map_heads(heads, rows);
}

/// `rows_of_q`: that TMA brings at once.
template <class Tiles>
WarpgroupPass warpgroup_pass(const Pass& pass, int rows_of_q = Tiles::kQueries) {
  const AttentionShape& shape = pass.shape;
  return {map_view(pass.q, shape, rows_of_q),
          map_view(pass.k, shape, Tiles::kKeys),
          map_view(pass.v, shape, Tiles::kKeys),
          map_view(pass.out, shape, 64),
          pass.lse,
          shape,
          heads_in_cache(shape)};
}

/// More tiles of queries than an int counts throw wb::Error.
template <class Tiles>
int block_count(const AttentionShape& shape) {
  return static_cast<int>(
      attention_grid((std::int64_t{shape.t} + Tiles::kQueries - 1) / Tiles::kQueries * shape.b * shape.h));
}

}  // namespace wb::attention
