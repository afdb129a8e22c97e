// C = alpha sums + beta C, straight from registers.
#pragma once

#include <cstdint>

#include "common/core/bf16.h"
#include "common/core/pack.h"

namespace wb {

/// Where sums go.
template <class Out>
struct Result {
  Out* c;  // (m, n)
  int m, n;
  float alpha, beta;
};

/// Writes two neighbors of a row. Without beta, c is not read.
template <class Out>
__device__ void store_pair(const Result<Out>& to, int row, int column, float first, float second) {
  if (row >= to.m || column >= to.n) return;
  Out* target = to.c + static_cast<std::int64_t>(row) * to.n + column;
  const bool both = column + 1 < to.n;
  first *= to.alpha;
  second *= to.alpha;
  if (to.beta != 0.0f) {
    first += to.beta * to_float(target[0]);
    if (both) second += to.beta * to_float(target[1]);
  }
  using Pair = Pack<2, Out>;
  if (both && reinterpret_cast<std::uintptr_t>(target) % sizeof(Pair) == 0) {
    *reinterpret_cast<Pair*>(target) = {{from_float<Out>(first), from_float<Out>(second)}};
    return;
  }
  target[0] = from_float<Out>(first);
  if (both) target[1] = from_float<Out>(second);
}

}  // namespace wb
