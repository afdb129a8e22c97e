// Reductions over a tile or a coalesced group: every member gets the result.
#pragma once

#include "cooperative_groups.h"

namespace cooperative_groups {

// clang-format off
template <class T> struct plus { T operator()(T a, T b) const { return a + b; } };
template <class T> struct less { T operator()(T a, T b) const { return b < a ? b : a; } };
template <class T> struct greater { T operator()(T a, T b) const { return a < b ? b : a; } };
template <class T> struct bit_and { T operator()(T a, T b) const { return a & b; } };
template <class T> struct bit_or { T operator()(T a, T b) const { return a | b; } };
template <class T> struct bit_xor { T operator()(T a, T b) const { return a ^ b; } };
// clang-format on

template <unsigned kSize, class Parent, class T, class Combine>
T reduce(const thread_block_tile<kSize, Parent>& tile, T value, Combine combine, SIMT_SITE) {
  for (unsigned step = kSize / 2; step != 0; step /= 2) {
    const T other = tile.shfl_xor(value, step, simt_file, simt_line);
    value = combine(value, other);
  }
  return value;
}

template <class T, class Combine>
T reduce(const coalesced_group& group, T value, Combine combine, SIMT_SITE) {
  T total = group.shfl(value, 0, simt_file, simt_line);
  for (unsigned rank = 1; rank < group.size(); ++rank) {
    total = combine(total, group.shfl(value, static_cast<int>(rank), simt_file, simt_line));
  }
  return total;
}

}  // namespace cooperative_groups
