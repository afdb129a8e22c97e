// Your turn: rotary position embedding of queries and keys, and its gradient. README.md is the lesson;
// hints.md has hints.
//
// Fill in the TODOs in their order, and check after each:
//
//     ./workbook check 05 rope
//
// One block rotates one token: all its heads, of q and of k, are rotated by the same D/2 angles.
#include <algorithm>
#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/rope_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kMaxThreads = 256;

// A direction of 1 turns forward, -1 back.
__global__ void rope_kernel(HeadsView<float> q,   // (B, T, H, D)
                            HeadsView<float> k,   // (B, T, K, D)
                            const float* cosine,  // (T, D/2)
                            const float* sine,    // (T, D/2)
                            int t, int d, RopePairing pairing, float direction) {
  const int pairs = d / 2;
  const int token = static_cast<int>(blockIdx.x);  // batch * T + position
  const std::int64_t position = token % t;
  const std::int64_t batch = 0;  // TODO 6: Which sequence is this token of?

  const int heads = q.heads;  // TODO 3: The heads of k as well: they follow those of q.
  for (int p = static_cast<int>(threadIdx.x); p < heads * pairs; p += static_cast<int>(blockDim.x)) {
    int head = p / pairs;
    const int pair = p % pairs;
    HeadsView<float> view = q;
    // TODO 4: If head is beyond those of q, it is one of k: take that view, and count its heads from 0.
    float* const start = view.data + batch * view.stride_b + position * view.stride_t + head * view.stride_h;

    // TODO 1: Which two features of the head are this pair? Half-split: pair, and pair + D/2. In the view
    //         they lie stride_d elements apart for each feature.
    // TODO 5: Interleaved: neighbors, 2 pair and 2 pair + 1.

    // TODO 2: Turn them: (x, y) becomes (x c - y s, y c + x s), with c and s of this position and this pair
    //         from the table, and s times direction. Both new values need both old ones.
  }
}

void launch(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine, int b, int t,
            int d, RopePairing pairing, float direction, cudaStream_t stream) {
  const std::int64_t tokens = static_cast<std::int64_t>(b) * t;
  const std::int64_t pairs_of_token = (static_cast<std::int64_t>(q.heads) + k.heads) * (d / 2);
  WB_REQUIRE(tokens <= INT32_MAX, tokens);
  // Room for one more step of the loop over p.
  WB_REQUIRE(pairs_of_token <= INT32_MAX - kMaxThreads, pairs_of_token);
  const auto threads = static_cast<int>(std::min<std::int64_t>(kMaxThreads, (pairs_of_token + 31) / 32 * 32));
  rope_kernel<<<static_cast<unsigned>(tokens), threads, 0, stream>>>(q, k, cosine, sine, t, d, pairing,
                                                                     direction);
  WB_CHECK_LAUNCH();
}

void rope_forward_starter(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine,
                          int b, int t, int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(q, k, cosine, sine, b, t, d, pairing);
  launch(q, k, cosine, sine, b, t, d, pairing, 1.0f, stream);
}

void rope_backward_starter(HeadsView<float> dq, HeadsView<float> dk, const float* cosine, const float* sine,
                           int b, int t, int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(dq, dk, cosine, sine, b, t, d, pairing);
  // TODO 7: The gradient of a rotation. Use the same kernel.
}

}  // namespace

WB_REGISTER(RopeForward, starter, rope_forward_starter);
WB_REGISTER(RopeBackward, starter, rope_backward_starter);

}  // namespace wb
