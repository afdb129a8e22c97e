#include "rows_list.cuh"
#include "04_layernorm/layernorm_rows.cuh"
#include "04_layernorm/welford.cuh"
#include "solutions/ladders/rows/halved_row.cuh"
#include "solutions/ladders/rows/meet.cuh"
// The chapter's solution and the rung as they are.
__global__ void __launch_bounds__(512, 2) chapter(Args a) {
  using P = wb::Pack<4>;
  extern __shared__ float4 shared4[];
  const long s = blockIdx.x * 8192l;
  const wb::LayernormRow<4, false> row = {(const P*)(a.x + s), nullptr, (const P*)a.g, (const P*)a.b, (P*)(a.y + s), a.mean + blockIdx.x, a.rstd + blockIdx.x, 8192, a.eps};
  wb::layernorm_row<wb::RowMode::kSharedToo>(row, shared4);
}
__global__ void __launch_bounds__(512, 2) chapter_early(Args a) {
  using P = wb::Pack<4>;
  extern __shared__ float4 shared4[];
  const long s = blockIdx.x * 8192l;
  const wb::LayernormRow<4, false> row = {(const P*)(a.x + s), nullptr, (const P*)a.g, (const P*)a.b, (P*)(a.y + s), a.mean + blockIdx.x, a.rstd + blockIdx.x, 8192, a.eps};
  wait_previous<true>();
  let_next<true>();
  wb::layernorm_row<wb::RowMode::kSharedToo>(row, shared4);
}
using Half = wb::ladder::RowShape<float, 4, 8, 512>;
__global__ void __launch_bounds__(512, 2) rung(Args a) {
  extern __shared__ __align__(16) unsigned char shared1[];
  const long row = blockIdx.x;
  wait_previous<true>();
  const wb::ladder::HalvedRow<Half> x((const float*)a.x + row * 32768, 32768, shared1);
  let_next<true>();
  float sum = 0, squares = 0;
  x.each([&](float v) { sum += v; });
  const float mean = wb::ladder::meet_sum<512>(sum) / 32768;
  x.each([&](float v) { squares += (v - mean) * (v - mean); });
  const float rstd = rsqrtf(wb::ladder::meet_sum<512>(squares, 1) / 32768 + a.eps);
  if (threadIdx.x == 0) { a.mean[row] = mean; a.rstd[row] = rstd; }
  auto* y = reinterpret_cast<wb::Pack<4>*>((float*)a.y + row * 32768);
#pragma unroll
  for (int i = 0; i < 16; ++i) {
    if (!x.is_inside(i)) continue;
    const int at = x.index(i);
    y[at] = wb::normalise(x.pack(i), mean, rstd, wb::ladder::load_words<4>((const float*)a.g, at), wb::ladder::load_words<4>((const float*)a.b, at));
  }
}
Norms ln_long() {
  Norms l;
  l.push_back({"AS IS chapter's solution", [](const Args& a) { go(chapter, {a.n, 512, 65536, 1, false}, a); }});
  l.push_back({"AS IS chapter's solution, early", [](const Args& a) { go(chapter_early, {a.n, 512, 65536, 1, true}, a); }});
  l.push_back({"AS IS rung held_weights (halved_row)", [](const Args& a) { go(rung, {a.n, 512, 65536, 1, true}, a); }});
  using F = float;
  add_held<F, true, 512, 8, 8, 2, 0, 0, 1, false>(l);
  add_held<F, true, 512, 8, 8, 2, 0, 0, 2, false>(l);
  add_held<F, true, 512, 8, 8, 2, 0, 0, 2, true>(l);
  add_held<F, true, 512, 8, 8, 2, 1, 1, 1, false>(l);
  add_held<F, true, 512, 8, 8, 2, 1, 1, 2, false>(l);
  add_held<F, true, 512, 8, 8, 2, 1, 1, 2, false, false>(l);
  add_held<F, true, 512, 8, 8, 2, 2, 1, 2, false>(l);
  add_held<F, true, 512, 8, 8, 2, 3, 2, 2, false>(l);
  add_held<F, true, 512, 8, 8, 2, 3, 0, 2, false>(l);
  add_held<F, true, 512, 8, 8, 2, 0, 1, 2, false>(l);
  add_held<F, true, 512, 8, 8, 2, 1, 3, 2, false>(l);
  add_held<F, true, 512, 4, 12, 2, 1, 1, 3, true>(l);
  add_held<F, true, 512, 4, 12, 2, 1, 1, 4, false>(l);
  add_held<F, true, 512, 4, 12, 2, 3, 2, 3, true>(l);
  add_held<F, true, 1024, 8, 0, 1, 0, 0, 1, false>(l);
  add_held<F, true, 1024, 8, 0, 1, 1, 1, 2, false>(l);
  add_held<F, true, 1024, 4, 4, 1, 1, 1, 4, true>(l);
  add_held<F, true, 1024, 2, 6, 1, 1, 1, 4, true>(l);
  add_staying<F, true, 1024, 4, 2, 1, 1, 0>(l);
  add_staying<F, true, 1024, 4, 2, 1, 1, 1>(l);
  add_staying<F, true, 1024, 4, 2, 1, 1, 2>(l);
  add_staying<F, true, 1024, 4, 2, 1, 1, 0, true>(l);
  add_staying<F, true, 1024, 4, 2, 1, 1, 1, true>(l);
  add_staying<F, true, 1024, 4, 2, 2, 1, 1>(l);
  add_staying<F, true, 512, 8, 2, 1, 1, 0>(l);
  add_staying<F, true, 512, 8, 2, 1, 1, 1, true>(l);
  add_staying<F, true, 512, 8, 2, 0, 1, 1, true>(l);
  add_staying<F, true, 512, 4, 4, 1, 2, 0>(l);
  add_staying<F, true, 512, 4, 4, 1, 2, 1>(l);
  add_staying<F, true, 512, 4, 4, 1, 2, 0, true>(l);
  add_staying<F, true, 512, 4, 4, 1, 2, 1, true>(l);
  add_staying<F, true, 512, 4, 4, 0, 1, 1, true>(l);
  add_staying<F, true, 256, 4, 8, 1, 4, 1, true>(l);
  add_staying<F, true, 256, 4, 8, 0, 3, 1, true>(l);
  add_staying<F, true, 512, 2, 8, 0, 2, 1, true>(l);
  add_staying<F, true, 1024, 8, 1, 2, 1, 1>(l);
  add_twice<F, true, 1024, 1, 0, false, 2>(l, 8192);
  add_twice<F, true, 1024, 1, 1, false, 2>(l, 8192);
  add_twice<F, true, 1024, 1, 1, true, 2>(l, 8192);
  add_twice<F, true, 1024, 2, 1, false, 1>(l, 8192);
  add_twice<F, true, 1024, 4, 1, false, 1>(l, 8192);
  add_twice<F, true, 512, 4, 1, false, 1>(l, 8192);
  add_twice<F, true, 512, 1, 1, false, 2>(l, 8192);
  add_twice<F, true, 512, 2, 1, false, 2>(l, 8192);
  add_twice<F, true, 512, 1, 0, false, 2>(l, 8192);
  return l;
}
