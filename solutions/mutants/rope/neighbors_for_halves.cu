// Mistake: neighbors are paired, whichever way of pairing is asked for.
// Caught as: neighbors \(2i, 2i \+ 1\) were paired
#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "common/core/check.h"
#include "common/core/registry.h"

namespace wb {
namespace {

__global__ void neighbors_for_halves_kernel(HeadsView<float> q,   // (B, T, H, D)
                                            HeadsView<float> k,   // (B, T, K, D)
                                            const float* cosine,  // (T, D/2)
                                            const float* sine,    // (T, D/2)
                                            int b, int t, int d, RopePairing pairing) {
  const int pairs = d / 2, token = blockIdx.x;
  const std::int64_t batch = token / t, position = token % t;
  for (int p = threadIdx.x; p < (q.heads + k.heads) * pairs; p += blockDim.x) {
    const int head = p / pairs, pair = p % pairs;
    const HeadsView<float> view = head < q.heads ? q : k;
    float* start = view.data + batch * view.stride_b + position * view.stride_t +
                   (head < q.heads ? head : head - q.heads) * view.stride_h;
    const bool half_split = false;
    float& x = start[(half_split ? pair : 2 * pair) * view.stride_d];
    float& y = start[(half_split ? pair + pairs : 2 * pair + 1) * view.stride_d];
    const float c = cosine[position * pairs + pair], s = sine[position * pairs + pair];
    const float old_x = x, old_y = y;
    x = old_x * c - old_y * s;
    y = old_y * c + old_x * s;
  }
}

void neighbors_for_halves(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine,
                          int b, int t, int d, RopePairing pairing, cudaStream_t stream) {
  neighbors_for_halves_kernel<<<b * t, 128, 0, stream>>>(q, k, cosine, sine, b, t, d, pairing);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RopeForward, neighbors_for_halves, neighbors_for_halves);

}  // namespace
}  // namespace wb
