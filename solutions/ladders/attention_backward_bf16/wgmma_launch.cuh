// The launcher of rungs 2 and 3.
#pragma once

#include <algorithm>
#include <cstdint>

#include "common/core/device_attribute.h"
#include "common/hopper/tensor_map.h"
#include "solutions/ladders/attention_backward_bf16/pass.h"
#include "solutions/ladders/attention_backward_bf16/wgmma_around.cuh"
#include "solutions/ladders/attention_backward_bf16/wgmma_pass.cuh"

namespace wb::attention_backward {

/// How the scratch is divided, in elements of four bytes.
template <int kHead>
struct WgmmaScratch {
  static constexpr std::size_t kAlignment = 32;  // of the copies by TMA

  int t_padded;
  std::size_t rows, turns;

  explicit WgmmaScratch(const AttentionShape& shape)
      : t_padded((shape.t + kKeys - 1) / kKeys * kKeys),
        rows(static_cast<std::size_t>(shape.b) * shape.h * t_padded),
        turns(rows / kQueriesOf<kHead> * 2 + 1) {}
  std::size_t size() const { return kAlignment + rows * (kHead + 2) + turns; }
};

inline AttentionMemory memory_wgmma(const AttentionShape& shape) {
  attention_check(shape);
  const auto rows = static_cast<std::size_t>(attention_rows(shape));
  const std::size_t scratch =
      shape.d <= 64 ? WgmmaScratch<64>(shape).size() : WgmmaScratch<128>(shape).size();
  return {rows, scratch};
}

/// Where heads are no wider than 64, dS is computed from the rounded P.
template <bool kOrdered>
AttentionArithmetic arithmetic_wgmma() {
  return {.p_roundings = 1, .ds_roundings = 2, .any_order = !kOrdered};
}

/// Heads whose queries, gradients and sums of dQ fit into the L2 cache together, but at most 8.
inline int heads_of_band(const AttentionShape& shape, int head_width) {
  const std::int64_t bytes = std::int64_t{shape.t} * head_width * 8;
  return static_cast<int>(std::clamp<std::int64_t>((std::int64_t{32} << 20) / bytes, 1, 8));
}

template <int kHead, bool kCausal, bool kOrdered>
void launch_wgmma(const Pass& pass, cudaStream_t stream) {
  const AttentionShape& shape = pass.shape;
  const WgmmaScratch<kHead> parts(shape);
  constexpr int kQueries = kQueriesOf<kHead>, kBytes = sizeof(SharedTiles<kHead>) + 1024;
  const auto address = reinterpret_cast<std::uintptr_t>(pass.scratch) / sizeof(float);
  float* lse2 = pass.scratch + (parts.kAlignment - address % parts.kAlignment) % parts.kAlignment;
  float *delta = lse2 + parts.rows, *dq_sums = delta + parts.rows;
  int* turns = reinterpret_cast<int*>(dq_sums + parts.rows * kHead);
  const auto map = [&](const BwdIn& x, int rows) {
    return hopper::map_heads({x.data, shape.b, shape.t, x.heads, shape.d, x.stride_b, x.stride_t, x.stride_h},
                             rows);
  };
  const std::int64_t blocks = std::int64_t{parts.t_padded / kKeys} * shape.b * shape.kv;
  const WgmmaPass arguments{map(pass.q, kQueries),
                            map(pass.k, kKeys),
                            map(pass.v, kKeys),
                            map(pass.dout, kQueries),
                            lse2,
                            delta,
                            dq_sums,
                            turns,
                            pass.dk,
                            pass.dv,
                            shape,
                            parts.t_padded,
                            heads_of_band(shape, kHead),
                            blocks > device_attribute(cudaDevAttrMultiProcessorCount)};
  const auto kernel = wgmma_pass_kernel<kHead, kCausal, kOrdered>;
  allow_shared_memory(kernel, kBytes);

  const auto groups =
      static_cast<std::int64_t>((parts.rows * (kHead / 8) + kThreadsAround - 1) / kThreadsAround);
  prepare_kernel<kHead, !kOrdered><<<attention_grid(groups), kThreadsAround, 0, stream>>>(
      pass.dout, pass.out, pass.lse, lse2, delta, dq_sums, turns, static_cast<int>(parts.turns), shape,
      parts.t_padded);
  WB_CHECK_LAUNCH();
  kernel<<<attention_grid(blocks), kThreads, kBytes, stream>>>(arguments);
  WB_CHECK_LAUNCH();
  const auto halves = static_cast<std::int64_t>(parts.rows / kQueries * 2);
  finish_kernel<kHead>
      <<<attention_grid(halves), kThreadsAround, 0, stream>>>(dq_sums, pass.dq, shape, parts.t_padded);
  WB_CHECK_LAUNCH();
}

/// Layouts that TMA cannot read go to rung 1.
template <bool kOrdered>
void backward_wgmma(BwdIn dout, BwdIn q, BwdIn k, BwdIn v, BwdIn out, const float* saved, BwdOut dq,
                    BwdOut dk, BwdOut dv, float* scratch, const AttentionShape& shape, cudaStream_t stream) {
  const Pass pass{dout, q, k, v, out, saved, dq, dk, dv, scratch, shape};
  check(pass);
  if (!all_fit_pack<8>(pass)) return mma_sync(pass, stream);
  with_tile_head(shape.d, [&](auto head) {
    constexpr int kHead = decltype(head)::value;
    if (shape.causal)
      launch_wgmma<kHead, true, kOrdered>(pass, stream);
    else
      launch_wgmma<kHead, false, kOrdered>(pass, stream);
  });
}

}  // namespace wb::attention_backward
