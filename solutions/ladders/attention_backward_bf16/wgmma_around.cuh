// What comes before and after the pass of rungs 2 and 3: delta, and dQ as the contract wants it.
#pragma once

#include "solutions/ladders/attention_backward_bf16/forward_tiles.cuh"
#include "solutions/ladders/attention_backward_bf16/wgmma_work.cuh"

namespace wb::attention_backward {

constexpr int kThreadsAround = 256;

/// lse2, delta (B, H, t_padded): the log-sum-exp times log2(e), and delta_t = dO_t . O_t. From t on, infinite
/// and 0, so that P and dS are 0 there. turns become 0, and with kZeroSums so does dq_sums. kHead / 8 threads
/// take a row.
template <int kHead, bool kZeroSums>
__global__ void __launch_bounds__(kThreadsAround)
    prepare_kernel(HeadsView<const bf16> dout, HeadsView<const bf16> out, const float* lse, float* lse2,
                   float* delta, float* dq_sums, int* turns, int turn_count, AttentionShape shape,
                   int t_padded) {
  constexpr int kLanes = kHead / 8;
  const std::int64_t index = static_cast<std::int64_t>(blockIdx.x) * kThreadsAround + threadIdx.x;
  if (index < turn_count) turns[index] = 0;
  const std::int64_t row = index / kLanes;
  if (row >= static_cast<std::int64_t>(shape.b) * shape.h * t_padded) return;  // whole warps
  const int feature = static_cast<int>(threadIdx.x) % kLanes * 8, query = static_cast<int>(row % t_padded);
  const int head = static_cast<int>(row / t_padded);
  float sum = 0.0f;
  if (query < shape.t && feature < shape.d) {
    const auto load = [&](const HeadsView<const bf16>& x) {
      return *reinterpret_cast<const uint4*>(x.data + head / shape.h * x.stride_b +
                                             head % shape.h * x.stride_h + query * x.stride_t + feature);
    };
    const uint4 a = load(dout), b = load(out);
    const std::uint32_t as[4] = {a.x, a.y, a.z, a.w}, bs[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float a0, a1, b0, b1;
      unpack_pair(as[i], a0, a1);
      unpack_pair(bs[i], b0, b1);
      sum += a0 * b0 + a1 * b1;
    }
  }
#pragma unroll
  for (int i = kLanes / 2; i > 0; i /= 2) sum += __shfl_xor_sync(0xFFFFFFFFu, sum, i);
  if (feature == 0) {
    lse2[row] = query < shape.t ? lse[static_cast<std::int64_t>(head) * shape.t + query] * kLog2E : INFINITY;
    delta[row] = sum;
  }
  if constexpr (kZeroSums) {
    float4* zeros = reinterpret_cast<float4*>(dq_sums + row * kHead + feature);
    zeros[0] = zeros[1] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  }
}

// Four lanes hold the four columns of x, four blocks each; afterwards lane i holds block i.
__device__ inline void exchange_blocks(std::uint32_t (&x)[4]) {
  const int lane = static_cast<int>(threadIdx.x) % 4;
#pragma unroll
  for (int bit = 1; bit <= 2; bit *= 2) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (i & bit) continue;
      std::uint32_t &low = x[i], &high = x[i | bit];
      const std::uint32_t got = __shfl_xor_sync(0xFFFFFFFFu, lane & bit ? low : high, bit);
      if (lane & bit)
        low = got;
      else
        high = got;
    }
  }
}

/// dq = scale dq_sums, for one half of a tile (64, 64) per block: a warp takes 16 rows and 32 columns.
template <int kHead>
__global__ void __launch_bounds__(kThreadsAround)
    finish_kernel(const float* dq_sums, HeadsView<bf16> dq, AttentionShape shape, int t_padded) {
  const std::int64_t half = blockIdx.x, row = half / 2 * kQueriesOf<kHead>;
  const int head = static_cast<int>(row / t_padded), part = static_cast<int>(half % 2) * 64;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int first_query = static_cast<int>(row % t_padded) + (kHead == 64 ? part : 0);
  if (first_query >= shape.t) return;
  const float4* sums = reinterpret_cast<const float4*>(dq_sums + half * kHalf) + warp % 4 * 32 + lane;
  std::uint32_t top[4], bottom[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float4 sum = sums[(warp / 4 * 4 + i) * 128];
    top[i] = pack_pair(shape.scale * sum.x, shape.scale * sum.y);
    bottom[i] = pack_pair(shape.scale * sum.z, shape.scale * sum.w);
  }
  exchange_blocks(top);
  exchange_blocks(bottom);
  const int query = first_query + warp % 4 * 16 + lane / 4;
  const int feature = (kHead == 128 ? part : 0) + warp / 4 * 32 + lane % 4 * 8;
  if (feature >= shape.d) return;
  bf16* target = dq.data + head / shape.h * dq.stride_b + head % shape.h * dq.stride_h + feature;
  const auto store = [&](int at, const std::uint32_t(&x)[4]) {
    if (at >= shape.t) return;
    *reinterpret_cast<uint4*>(target + at * dq.stride_t) = make_uint4(x[0], x[1], x[2], x[3]);
  };
  store(query, top);
  store(query + 8, bottom);
}

}  // namespace wb::attention_backward
