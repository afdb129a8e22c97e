// Mistake: counts packs of four pairs, of which a narrow head has none, and divides by them.
// First screen: division by zero|divi
#include "tools/proofs/mistakes/rope/rope.cuh"

namespace wb::mistake {
namespace {

__global__ void division_by_zero_kernel(HeadsView<float> q,   // (B, T, H, D)
                                        HeadsView<float> k,   // (B, T, K, D)
                                        const float* cosine,  // (T, D/2)
                                        const float* sine,    // (T, D/2)
                                        int d, RopePairing pairing) {
  const Head head(q, k);
  const int packs = d / 8;  // of four pairs
  for (int i = threadIdx.x; i < d / 2; i += kThreads) {
    const int pair = i % packs * 4 + i / packs % 4;
    const auto [first, second] = features(pair, d, pairing);
    const float c = cosine[head.t * (d / 2) + pair], s = sine[head.t * (d / 2) + pair];
    const float before = head.at(first);
    head.at(first) = before * c - head.at(second) * s;
    head.at(second) = head.at(second) * c + before * s;
  }
}

void launch(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine, int b, int t,
            int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(q, k, cosine, sine, b, t, d, pairing);
  division_by_zero_kernel<<<dim3(t, q.heads + k.heads, b), kThreads, 0, stream>>>(q, k, cosine, sine, d,
                                                                                  pairing);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RopeForward, division_by_zero, launch);

}  // namespace
}  // namespace wb::mistake
