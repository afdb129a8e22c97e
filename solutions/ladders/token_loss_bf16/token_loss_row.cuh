// What the rungs of token_loss share: a row of bf16 logits in registers becomes its loss and its gradient.
#pragma once

#include "solutions/ladders/rows/held_packs.cuh"
#include "solutions/ladders/rows/meet.cuh"
#include "solutions/ladders/softmax_forward/softmax_row.cuh"

namespace wb::ladder {

struct TokenLossArguments {
  bf16* logits;        // (N, V); dlogits afterwards
  const int* targets;  // (N)
  float* losses;       // (N)
  float dloss;
  int v;
};

/// Maximum and sum of exponentials of what this thread holds.
template <class Shape>
__device__ MaxAndSum exponentials_held(const HeldPacks<Shape>& row, int columns) {
  float maximum = -INFINITY, sum = 0.0f;
  row.each(columns, [&](float logit) { maximum = fmaxf(maximum, logit); });
  const float shift = shift_for(maximum);
  row.each(columns, [&](float logit) { sum += __expf(logit - shift); });
  return {{maximum, sum}};
}

/// log of the sum of exp over the row; thread 0 stores the loss. It has read the target's logit before the
/// threads meet, since after that others overwrite it.
template <class Shape>
__device__ float meet_lse(const TokenLossArguments& a, std::int64_t row, const MaxAndSum& mine) {
  const float of_target = threadIdx.x == 0 ? to_float(a.logits[row * a.v + a.targets[row]]) : 0.0f;
  const MaxAndSum all = meet<Shape::kThreads>(mine, MergeMaxAndSum{});
  const float lse = shift_for(all.of[0]) + logf(all.of[1]);
  if (threadIdx.x == 0) a.losses[row] = lse - of_target;
  return lse;
}

/// Overwrites `columns` logits from column `first` of the row on by their gradients.
template <class Shape>
__device__ void store_gradients(const TokenLossArguments& a, std::int64_t row, const HeldPacks<Shape>& held,
                                int first, int columns, float lse) {
  constexpr int kWidth = Shape::kWidth;
  const int target = a.targets[row] - first - static_cast<int>(threadIdx.x) * kWidth;
  store_packs<Shape, false>(a.logits + row * a.v + first, columns, [&](int i, int j) {
    const float hit = target == i * Shape::kThreads * kWidth + j ? 1.0f : 0.0f;
    return a.dloss * (__expf(held.at(i, j) - lse) - hit);
  });
}

/// A row in registers.
template <class Shape>
__device__ void hold_token_loss(const TokenLossArguments& a, std::int64_t row, const HeldPacks<Shape>& held) {
  const float lse = meet_lse<Shape>(a, row, exponentials_held<Shape>(held, a.v));
  store_gradients<Shape>(a, row, held, 0, a.v, lse);
}

// For rows that no block holds: read twice, a chunk at a time.
template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads) token_loss_walked(TokenLossArguments a) {
  const std::int64_t row = blockIdx.x;
  MaxAndSum known = {{-INFINITY, 0.0f}};
  HeldPacks<Shape> held;
  const auto each_chunk = [&](auto use) {
    for (int first = 0; first < a.v; first += min(Shape::kColumns, a.v - first)) {
      const int columns = min(Shape::kColumns, a.v - first);
      held.ask_for(a.logits + row * a.v + first, columns);
      use(first, columns);
    }
  };
  each_chunk(
      [&](int, int columns) { known = MergeMaxAndSum{}(known, exponentials_held<Shape>(held, columns)); });
  const float lse = meet_lse<Shape>(a, row, known);
  each_chunk([&](int first, int columns) { store_gradients<Shape>(a, row, held, first, columns, lse); });
}

inline auto* token_loss_walked_kernel(bool wide) {
  return wide ? token_loss_walked<Chunk<bf16, kWalkingThreads, true>>
              : token_loss_walked<Chunk<bf16, kWalkingThreads, false>>;
}

/// Calls launch(RowShape) for the shape that holds a row of v logits, whole packs of 16 bytes; returns
/// whether there is one.
template <class Launch>
bool with_logits(int v, bool wide, Launch launch) {
  const int packs = v / 8;
  if (!wide || packs > 4096) return false;
  if (packs <= 128) {
    launch(RowShape<bf16, 8, 2, 64>{});
  } else if (packs <= 512) {
    launch(RowShape<bf16, 8, 4, 128>{});
  } else if (packs <= 2048) {
    launch(RowShape<bf16, 8, 8, 256>{});
  } else {
    launch(RowShape<bf16, 8, 8, 512>{});
  }
  return true;
}

}  // namespace wb::ladder
