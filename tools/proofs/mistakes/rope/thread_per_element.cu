// Mistake: one thread per element reads the partner that another thread overwrites.
// First screen: race in device memory.*thread_per_element\.cu
#include "tools/proofs/mistakes/rope/rope.cuh"

namespace wb::mistake {
namespace {

__global__ void thread_per_element_kernel(HeadsView<float> q,   // (B, T, H, D)
                                          HeadsView<float> k,   // (B, T, K, D)
                                          const float* cosine,  // (T, D/2)
                                          const float* sine,    // (T, D/2)
                                          int d, RopePairing pairing) {
  const Head head(q, k);
  for (int i = threadIdx.x; i < d; i += kThreads) {
    const bool half = pairing == RopePairing::kHalfSplit, is_first = half ? i < d / 2 : i % 2 == 0;
    const int pair = half ? i % (d / 2) : i / 2;
    const auto [first, second] = features(pair, d, pairing);
    const float c = cosine[head.t * (d / 2) + pair], s = sine[head.t * (d / 2) + pair];
    head.at(i) = is_first ? head.at(i) * c - head.at(second) * s : head.at(i) * c + head.at(first) * s;
  }
}

void launch(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine, int b, int t,
            int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(q, k, cosine, sine, b, t, d, pairing);
  thread_per_element_kernel<<<dim3(t, q.heads + k.heads, b), kThreads, 0, stream>>>(q, k, cosine, sine, d,
                                                                                    pairing);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RopeForward, thread_per_element, launch);

}  // namespace
}  // namespace wb::mistake
