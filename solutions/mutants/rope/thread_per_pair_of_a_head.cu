// Mistake: a block has a thread per pair of a head, of which there may be more than a block has threads.
// Caught as: invalid configuration argument
#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void thread_per_pair_of_a_head_kernel(HeadsView<float> q,   // (B, T, H, D)
                                                 HeadsView<float> k,   // (B, T, K, D)
                                                 const float* cosine,  // (T, D/2)
                                                 const float* sine,    // (T, D/2)
                                                 int b, int t, int d, RopePairing pairing) {
  const int pairs = d / 2, token = blockIdx.x;
  const std::int64_t batch = token / t, position = token % t;
  const int pair = threadIdx.x;
  for (int head = 0; head < q.heads + k.heads; ++head) {
    const HeadsView<float> view = head < q.heads ? q : k;
    float* start = view.data + batch * view.stride_b + position * view.stride_t +
                   (head < q.heads ? head : head - q.heads) * view.stride_h;
    const bool half_split = pairing == RopePairing::kHalfSplit;
    float& x = start[(half_split ? pair : 2 * pair) * view.stride_d];
    float& y = start[(half_split ? pair + pairs : 2 * pair + 1) * view.stride_d];
    const float c = cosine[position * pairs + pair], s = sine[position * pairs + pair];
    const float old_x = x, old_y = y;
    x = old_x * c - old_y * s;
    y = old_y * c + old_x * s;
  }
}

void thread_per_pair_of_a_head(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine,
                               int b, int t, int d, RopePairing pairing, cudaStream_t stream) {
  thread_per_pair_of_a_head_kernel<<<b * t, d / 2, 0, stream>>>(q, k, cosine, sine, b, t, d, pairing);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RopeForward, thread_per_pair_of_a_head, thread_per_pair_of_a_head);

}  // namespace
}  // namespace wb
