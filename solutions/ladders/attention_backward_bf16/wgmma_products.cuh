// The products that the pass of rungs 2 and 3 is made of.
#pragma once

#include <cstdint>

#include "common/core/bf16.h"
#include "common/hopper/named_barrier.cuh"
#include "common/hopper/wgmma_registers.cuh"

namespace wb::attention_backward {

/// Both warpgroups that multiply meet.
__device__ inline void meet_consumers() {
  hopper::wait_at(1, 256);
}

/// d = rows columns^T, over the features of a head: tiles of kRows and kColumns rows, in chunks of 64
/// features. One batch of products.
template <int kHead, int kRows, int kColumns>
__device__ void multiply_heads(float (&d)[kColumns / 2], const bf16* rows, const bf16* columns) {
  hopper::begin_products();
#pragma unroll
  for (int c = 0; c < kHead / 64; ++c) {
    const std::uint64_t a = hopper::tile_descriptor(rows + c * kRows * 64);
    const std::uint64_t b = hopper::tile_descriptor(columns + c * kColumns * 64);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (c + i == 0)
        hopper::multiply_first<0, 0>(d, a, b);
      else
        hopper::multiply<0, 0>(d, a + i * hopper::kDescriptorStep<false>,
                               b + i * hopper::kDescriptorStep<false>, 1);
    }
  }
  hopper::commit_products();
}

/// sums += weights tile, over kQueries rows of the tile. One batch, after begin_products.
template <int kQueries, int kHead>
__device__ void add_weighted_tile(float (&sums)[kHead / 2], const std::uint32_t (&weights)[kQueries / 16][4],
                                  const bf16* tile) {
  const std::uint64_t b = hopper::tile_descriptor(tile, kQueries * 128);
#pragma unroll
  for (int i = 0; i < kQueries / 16; ++i)
    hopper::add_product<1>(sums, weights[i], b + i * hopper::kDescriptorStep<true>);
  hopper::commit_products();
}

}  // namespace wb::attention_backward
