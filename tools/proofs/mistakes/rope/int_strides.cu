// Mistake: the strides of the view are kept in an int.
// First screen: CountsPastTwoToThe31.*too far for a 32-bit index|overflow
#include "tools/proofs/mistakes/rope/rope.cuh"

namespace wb::mistake {
namespace {

__global__ void int_strides_kernel(HeadsView<float> q,   // (B, T, H, D)
                                   HeadsView<float> k,   // (B, T, K, D)
                                   const float* cosine,  // (T, D/2)
                                   const float* sine,    // (T, D/2)
                                   int d, RopePairing pairing) {
  const Head head(q, k);
  const int stride_b = head.view.stride_b, stride_t = head.view.stride_t, stride_h = head.view.stride_h;
  float* x = head.view.data + (head.b * stride_b + head.t * stride_t + head.h * stride_h);
  for (int pair = threadIdx.x; pair < d / 2; pair += kThreads) {
    const auto [first, second] = features(pair, d, pairing);
    const float c = cosine[head.t * (d / 2) + pair], s = sine[head.t * (d / 2) + pair];
    float &a = x[first * head.view.stride_d], &b = x[second * head.view.stride_d];
    const float before = a;
    a = before * c - b * s;
    b = b * c + before * s;
  }
}

void launch(HeadsView<float> q, HeadsView<float> k, const float* cosine, const float* sine, int b, int t,
            int d, RopePairing pairing, cudaStream_t stream) {
  check_rope(q, k, cosine, sine, b, t, d, pairing);
  int_strides_kernel<<<dim3(t, q.heads + k.heads, b), kThreads, 0, stream>>>(q, k, cosine, sine, d, pairing);
  WB_CHECK_LAUNCH();
}

WB_REGISTER(RopeForward, int_strides, launch);

}  // namespace
}  // namespace wb::mistake
