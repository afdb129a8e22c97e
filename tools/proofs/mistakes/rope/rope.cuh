// What the wrong kernels of rope share: where an element lies, and its partner. One block per token and head.
#pragma once

#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/rope_check.h"
#include "common/core/registry.h"

namespace wb::mistake {

inline constexpr int kThreads = 64;

/// The two features of a pair.
struct Pair {
  int first, second;
};
__device__ inline Pair features(int pair, int d, RopePairing pairing) {
  if (pairing == RopePairing::kHalfSplit) return {pair, pair + d / 2};
  return {2 * pair, 2 * pair + 1};
}

/// The head of this block: of q, then of k.
struct Head {
  HeadsView<float> view;
  int b, t, h;

  __device__ Head(const HeadsView<float>& q, const HeadsView<float>& k)
      : b(static_cast<int>(blockIdx.z)), t(static_cast<int>(blockIdx.x)) {
    const int number = static_cast<int>(blockIdx.y);
    view = number < q.heads ? q : k;
    h = number < q.heads ? number : number - q.heads;
  }
  __device__ float& at(int d) const {
    return view.data[b * view.stride_b + t * view.stride_t + h * view.stride_h + d * view.stride_d];
  }
};

}  // namespace wb::mistake
