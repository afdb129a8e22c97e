// Rotary position embedding of queries and keys, in place. One block rotates one token.
//
// A thread owns two packs of kWidth features: features i, i + 1, ... and those D/2 features later. In
// half-split order, the features of a pair are in different packs; in interleaved order, they are in the same
// pack. A thread therefore loads the same 16-byte packs in both orders. It keeps the angles of its kWidth
// pairs in registers, and loops over the heads of q and then of k.
//
// kWidth = 1 is for every other layout and width: a thread then owns one pair, and its addresses come from
// the strides. In a feature-major view neighboring threads access elements that are B T elements apart, and
// the kernel is many times slower.
//
// The gradient is the same kernel with -sine: a rotation's transpose is its inverse. 8 bytes per element in
// fp32, 3 FLOPs: memory bound. Read next: repeat_kv_solution.cu.
#include <algorithm>
#include <cstdint>

#include "05_rmsnorm_rope/rope.h"
#include "05_rmsnorm_rope/rope_check.h"
#include "common/core/pack.h"
#include "common/core/registry.h"

namespace wb {
namespace {

constexpr int kMaxThreads = 256;
// Blocks on a multiprocessor, which bounds a thread's registers: many threads that wait keep memory busy.
template <class T>
constexpr int kMinBlocks = sizeof(T) == 4 ? 6 : 4;

// The table's entries for the pairs of the thread whose packs begin at features i and i + D/2.
template <int kWidth, bool kAcross>
__device__ void load_angles(const float* table,  // (D/2) of one position
                            int i, int half, float (&angles)[kWidth]) {
  constexpr int kPart = kWidth == 1 ? 1 : kWidth / 2;
#pragma unroll
  for (int part = 0; part < kWidth / kPart; ++part) {
    // Neighbors 2p and 2p + 1 are pair p.
    const int first = kAcross ? i + part * kPart : (i + part * half) / 2;
    const auto pack = *reinterpret_cast<const Pack<kPart>*>(table + first);
#pragma unroll
    for (int j = 0; j < kPart; ++j) angles[part * kPart + j] = pack.values[j];
  }
}

// The direction comes last: sines times direction, done once, would wait for the table before a head is
// loaded.
template <bool kAcross, int kWidth, class T>
__device__ void rotate(Pack<kWidth, T> (&packs)[2], const float (&cosine)[kWidth],
                       const float (&sine)[kWidth], float direction) {
#pragma unroll
  for (int j = 0; j < kWidth; ++j) {
    const int first = kAcross ? j : 2 * j, second = kAcross ? j + kWidth : 2 * j + 1;
    T& x = packs[first / kWidth].values[first % kWidth];
    T& y = packs[second / kWidth].values[second % kWidth];
    const float old_x = to_float(x), old_y = to_float(y);
    x = from_float<T>(old_x * cosine[j] - direction * (old_y * sine[j]));
    y = from_float<T>(old_y * cosine[j] + direction * (old_x * sine[j]));
  }
}

template <int kWidth, RopePairing kPairing, class T>
__global__ void __launch_bounds__(kMaxThreads, kMinBlocks<T>) rope_kernel(HeadsView<T> q,  // (B, T, H, D)
                                                                          HeadsView<T> k,  // (B, T, K, D)
                                                                          const float* cosine,  // (T, D/2)
                                                                          const float* sine,    // (T, D/2)
                                                                          int t, int d, float direction) {
  // Whether each pair has one element in either pack.
  constexpr bool kAcross = kPairing == RopePairing::kHalfSplit || kWidth == 1;
  constexpr bool kNeighbors = kPairing == RopePairing::kInterleaved && kWidth == 1;
  const int half = d / 2, step = static_cast<int>(blockDim.y);
  const std::int64_t batch = static_cast<int>(blockIdx.x) / t, position = static_cast<int>(blockIdx.x) % t;
  T* const token_q = q.data + batch * q.stride_b + position * q.stride_t;
  T* const token_k = k.data + batch * k.stride_b + position * k.stride_t;

  for (int i = kWidth * static_cast<int>(threadIdx.x); i < half; i += kWidth * static_cast<int>(blockDim.x)) {
    const std::int64_t features[2] = {kNeighbors ? 2 * i : i, kNeighbors ? 2 * i + 1 : i + half};
    float c[kWidth], s[kWidth];
    load_angles<kWidth, kAcross>(cosine + position * half, i, half, c);
    load_angles<kWidth, kAcross>(sine + position * half, i, half, s);

    for (int head = static_cast<int>(threadIdx.y); head < q.heads + k.heads; head += step) {
      const bool of_q = head < q.heads;  // the heads of k follow those of q
      T* start = of_q ? token_q + head * q.stride_h : token_k + (head - q.heads) * k.stride_h;
      const std::int64_t stride = of_q ? q.stride_d : k.stride_d;
      auto* first = reinterpret_cast<Pack<kWidth, T>*>(start + features[0] * stride);
      auto* second = reinterpret_cast<Pack<kWidth, T>*>(start + features[1] * stride);
      Pack<kWidth, T> packs[2] = {*first, *second};
      rotate<kAcross>(packs, c, s, direction);
      *first = packs[0];
      *second = packs[1];
    }
  }
}

// A direction of 1 turns forward, -1 back.
template <int kWidth, class T>
void launch(HeadsView<T> q, HeadsView<T> k, const float* cosine, const float* sine, int b, int t, int d,
            RopePairing pairing, float direction, cudaStream_t stream) {
  const int columns = std::min(d / 2 / kWidth, kMaxThreads);
  const int rows = std::min(q.heads + k.heads, kMaxThreads / columns);
  const dim3 block(columns, rows);
  const std::int64_t tokens = static_cast<std::int64_t>(b) * t;
  WB_REQUIRE(tokens <= INT32_MAX, tokens);
  if (pairing == RopePairing::kHalfSplit) {
    rope_kernel<kWidth, RopePairing::kHalfSplit>
        <<<static_cast<unsigned>(tokens), block, 0, stream>>>(q, k, cosine, sine, t, d, direction);
  } else {
    rope_kernel<kWidth, RopePairing::kInterleaved>
        <<<static_cast<unsigned>(tokens), block, 0, stream>>>(q, k, cosine, sine, t, d, direction);
  }
  WB_CHECK_LAUNCH();
}

template <class T>
void rotate_all(HeadsView<T> q, HeadsView<T> k, const float* cosine, const float* sine, int b, int t, int d,
                RopePairing pairing, float direction, cudaStream_t stream) {
  check_rope(q, k, cosine, sine, b, t, d, pairing);
  constexpr int kWide = 16 / sizeof(T);
  const bool wide = view_fits_pack<kWide>(q, d / 2) && view_fits_pack<kWide>(k, d / 2) &&
                    rows_fit_pack<kWide / 2>(d / 2, cosine, sine);
  const auto start = wide ? launch<kWide, T> : launch<1, T>;
  start(q, k, cosine, sine, b, t, d, pairing, direction, stream);
}

template <class T>
void rope_forward_solution(HeadsView<T> q, HeadsView<T> k, const float* cosine, const float* sine, int b,
                           int t, int d, RopePairing pairing, cudaStream_t stream) {
  rotate_all(q, k, cosine, sine, b, t, d, pairing, 1.0f, stream);
}

template <class T>
void rope_backward_solution(HeadsView<T> dq, HeadsView<T> dk, const float* cosine, const float* sine, int b,
                            int t, int d, RopePairing pairing, cudaStream_t stream) {
  rotate_all(dq, dk, cosine, sine, b, t, d, pairing, -1.0f, stream);
}

}  // namespace

WB_REGISTER(RopeForward, solution, rope_forward_solution<float>);
WB_REGISTER(RopeBackward, solution, rope_backward_solution<float>);
WB_REGISTER(RopeForwardBf16, solution, rope_forward_solution<bf16>);
WB_REGISTER(RopeBackwardBf16, solution, rope_backward_solution<bf16>);

}  // namespace wb
