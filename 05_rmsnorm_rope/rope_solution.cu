// Rotary position embedding of queries and keys, in place, one block per token.
//
// A token's H + K heads have (H + K) D / 2 pairs; thread p takes pairs p, p + blockDim.x, ... with the number
// of the pair within its head running fastest. In a token-major view neighbouring threads then touch
// neighbouring floats, and all heads of the token share one row of the table. The kernel does not know the
// layout: strides do all the work. In a feature-major view neighbouring threads are B T floats apart, and the
// same kernel is many times slower: compare them.
//
// The gradient is the same kernel with -sine: a rotation's transpose is its inverse.
// 8 bytes an element, 3 FLOPs: memory decides the speed. Launching once for q and k saves a launch a layer.
// Read next: repeat_kv_solution.cu.
#include <algorithm>
#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/rope_check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kMaxThreads = 256;

__global__ void rope_kernel(HeadsView<float> q,   // (B, T, H, D)
                            HeadsView<float> k,   // (B, T, K, D)
                            const float* cosine,  // (T, D/2)
                            const float* sine,    // (T, D/2)
                            int t, int d, RopePairing pairing, float direction) {
  const int pairs = d / 2;
  const int batch = static_cast<int>(blockIdx.x) / t;
  const int position = static_cast<int>(blockIdx.x) % t;
  const float* token_cosine = cosine + static_cast<std::int64_t>(position) * pairs;
  const float* token_sine = sine + static_cast<std::int64_t>(position) * pairs;

  for (int p = static_cast<int>(threadIdx.x); p < (q.heads + k.heads) * pairs; p += blockDim.x) {
    const int pair = p % pairs;
    const int head = p / pairs;  // the heads of k follow those of q
    const HeadsView<float>& view = head < q.heads ? q : k;
    float* start = view.data + batch * view.stride_b + position * view.stride_t +
                   (head < q.heads ? head : head - q.heads) * view.stride_h;
    const bool half_split = pairing == RopePairing::kHalfSplit;
    float& x = start[(half_split ? pair : 2 * pair) * view.stride_d];
    float& y = start[(half_split ? pair + pairs : 2 * pair + 1) * view.stride_d];

    const float c = token_cosine[pair];
    const float s = direction * token_sine[pair];
    const float old_x = x;
    const float old_y = y;
    x = old_x * c - old_y * s;
    y = old_y * c + old_x * s;
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

void rope_forward_solution(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine,
                           int b, int t, int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(q, k, cosine, sine, b, t, d, pairing);
  launch(q, k, cosine, sine, b, t, d, pairing, 1.0f, stream);
}

void rope_backward_solution(HeadsView<float> dq, HeadsView<float> dk, const float* cosine, const float* sine,
                            int b, int t, int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(dq, dk, cosine, sine, b, t, d, pairing);
  launch(dq, dk, cosine, sine, b, t, d, pairing, -1.0f, stream);
}

}  // namespace

WB_REGISTER(RopeForward, solution, rope_forward_solution);
WB_REGISTER(RopeBackward, solution, rope_backward_solution);

}  // namespace wb
