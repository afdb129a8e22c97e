// Variants of token_loss on bf16, in place. FAST 0: exponentials as the rung has them. FAST 1: the maximum
// two logits at a time in bf16, exp2 with a folded constant and flushed denormals, the target patched after.
#pragma once
#include "rows_common.cuh"

struct LossArgs { uint4* x; const int* target; float* loss; float dloss; int n, packs; };
constexpr float kLog2e = 1.4426950408889634f;

__device__ __forceinline__ float ex2(float f) { float r; asm("ex2.approx.ftz.f32 %0,%1;" : "=f"(r) : "f"(f)); return r; }
__device__ __forceinline__ unsigned max2(unsigned a, unsigned b) { unsigned r; asm("max.bf16x2 %0,%1,%2;" : "=r"(r) : "r"(a), "r"(b)); return r; }
__device__ __forceinline__ float larger_half(unsigned m) { return fmaxf(__uint_as_float(m << 16), __uint_as_float(m & 0xffff0000u)); }
constexpr unsigned kLeast2 = 0xff80ff80u;  // two of minus infinity

// {maximum log2(e), sum of 2^(x log2(e) - that)} of what get(i) gives where inside(i).
template <int FAST, int PK, class Get, class In> __device__ __forceinline__ Kn<2> known(Get get, In inside) {
  float maximum = -INFINITY, sum = 0;
  if constexpr (FAST) {
    unsigned m = kLeast2;
#pragma unroll
    for (int i = 0; i < PK; ++i) if (inside(i)) { const uint4 v = get(i); m = max2(max2(m, max2(v.x, v.y)), max2(v.z, v.w)); }
    maximum = larger_half(m) * kLog2e;
  } else {
#pragma unroll
    for (int i = 0; i < PK; ++i) if (inside(i)) { const uint4 v = get(i);
#pragma unroll
      for (int j = 0; j < 8; ++j) maximum = fmaxf(maximum, at<b16>(v, j)); }
  }
  const float shift = maximum == -INFINITY ? 0.f : maximum;
#pragma unroll
  for (int i = 0; i < PK; ++i) if (inside(i)) { uint4 v = get(i); forget(v);
#pragma unroll
    for (int j = 0; j < 8; ++j) sum += FAST ? ex2(fmaf(at<b16>(v, j), kLog2e, -shift)) : __expf(at<b16>(v, j) - shift); }
  if constexpr (!FAST) maximum *= kLog2e;
  return {{maximum, sum}};
}
template <int FAST> __device__ __forceinline__ uint4 gradient(const uint4& v, float lse2, float dloss, int hit) {
  float f[8];
#pragma unroll
  for (int j = 0; j < 8; ++j) f[j] = FAST ? dloss * ex2(fmaf(at<b16>(v, j), kLog2e, -lse2)) : dloss * (__expf(at<b16>(v, j) - lse2 * (1 / kLog2e)) - (hit == j ? 1.f : 0.f));
  return packed<b16>(f);
}
// What the thread that stores the target's pack does after it.
__device__ __forceinline__ void finish(const LossArgs& a, long row, int target, float logit, float lse2) {
  a.loss[row] = lse2 / kLog2e - logit;
  reinterpret_cast<b16*>(a.x + row * a.packs)[target] = __float2bfloat16(a.dloss * (ex2(fmaf(logit, kLog2e, -lse2)) - 1.f));
}

// A block per row, in registers.
template <int TH, int PK, int MINB, int FAST, int LD, int ST, bool PDL>
__global__ void __launch_bounds__(TH, MINB) loss_held(LossArgs a) {
  const long row = blockIdx.x;
  const int t = threadIdx.x;
  uint4* x = a.x + row * a.packs + t;
  wait_previous<PDL>();
  uint4 v[PK];
  const auto inside = [&](int i) { return (i + 1) * TH <= 4000 || t + i * TH < a.packs; };
#pragma unroll
  for (int i = 0; i < PK; ++i) v[i] = inside(i) ? load<LD>(x + i * TH) : make_uint4(kLeast2, kLeast2, kLeast2, kLeast2);
  let_next<PDL>();
  const int target = a.target[row];
  const bool mine = target / 8 % TH == t;
  const float logit = mine ? __bfloat162float(reinterpret_cast<b16*>(a.x + row * a.packs)[target]) : 0;
  const Kn<2> all = meet<TH, 1>(known<FAST, PK>([&](int i) { return v[i]; }, [](int) { return true; }), MaxSum{}, 0);
  const float lse2 = all.of[0] + log2f(all.of[1]);
#pragma unroll
  for (int i = 0; i < PK; ++i) forget(v[i]);
#pragma unroll
  for (int i = 0; i < PK; ++i) if (inside(i)) store<ST>(x + i * TH, gradient<FAST>(v[i], lse2, a.dloss, target - (t + i * TH) * 8));
  if (mine) finish(a, row, target, logit, lse2);
}

// A block stays: this row in registers, the next one on its way to shared memory.
template <int TH, int PK, int MINB, int FAST, int ST>
__global__ void __launch_bounds__(TH, MINB) loss_staying(LossArgs a) {
  extern __shared__ __align__(128) uint4 stage[];
  __shared__ uint64_t full;
  const int t = threadIdx.x;
  if (t == 0) { bar_init(&full); bar_fence(); }
  __syncthreads();
  asm volatile("griddepcontrol.wait;" ::: "memory");
  long row = blockIdx.x;
  const auto ask = [&](long r) { if (t == 0 && r < a.n) bulk(stage, a.x + r * a.packs, a.packs * 16, &full); };
  ask(row);
  asm volatile("griddepcontrol.launch_dependents;");
  const auto inside = [&](int i) { return (i + 1) * TH <= 4000 || t + i * TH < a.packs; };
  int turn = 0;
  int target = row < a.n ? a.target[row] : 0;
  for (unsigned phase = 0; row < a.n; row += gridDim.x, phase ^= 1, turn ^= 1) {
    const int next_target = row + gridDim.x < a.n ? a.target[row + gridDim.x] : 0;
    bar_wait(&full, phase);
    uint4 v[PK];
#pragma unroll
    for (int i = 0; i < PK; ++i) v[i] = inside(i) ? stage[i * TH + t] : make_uint4(kLeast2, kLeast2, kLeast2, kLeast2);
    const bool mine = target / 8 % TH == t;
    const float logit = mine ? __bfloat162float(reinterpret_cast<b16*>(stage)[target]) : 0;
    __syncthreads();
    ask(row + gridDim.x);
    const Kn<2> all = meet<TH, 1>(known<FAST, PK>([&](int i) { return v[i]; }, [](int) { return true; }), MaxSum{}, turn);
    const float lse2 = all.of[0] + log2f(all.of[1]);
    uint4* x = a.x + row * a.packs + t;
#pragma unroll
    for (int i = 0; i < PK; ++i) forget(v[i]);
#pragma unroll
    for (int i = 0; i < PK; ++i) if (inside(i)) store<ST>(x + i * TH, gradient<FAST>(v[i], lse2, a.dloss, target - (t + i * TH) * 8));
    if (mine) finish(a, row, target, logit, lse2);
    target = next_target;
  }
}

// One block per multiprocessor stays, with a ring of S rows; it computes from shared memory.
template <int TH, int PK, int S, int FAST, int ST>
__global__ void __launch_bounds__(TH, 1) loss_ring(LossArgs a) {
  extern __shared__ __align__(128) uint4 sm[];
  __shared__ uint64_t full[S];
  const int t = threadIdx.x;
  if (t == 0) { for (int s = 0; s < S; ++s) bar_init(&full[s]); bar_fence(); }
  __syncthreads();
  asm volatile("griddepcontrol.wait;" ::: "memory");
  const auto ask = [&](long r, int s) { if (t == 0 && r < a.n) bulk(sm + s * a.packs, a.x + r * a.packs, a.packs * 16, &full[s]); };
  for (int s = 0; s < S - 1; ++s) ask(blockIdx.x + (long)s * gridDim.x, s);
  asm volatile("griddepcontrol.launch_dependents;");
  const auto inside = [&](int i) { return (i + 1) * TH <= 4000 || t + i * TH < a.packs; };
  int turn = 0, s = 0;
  unsigned phase = 0;
  for (long row = blockIdx.x; row < a.n; row += gridDim.x, turn ^= 1) {
    const uint4* stage = sm + s * a.packs;
    const int target = a.target[row];
    bar_wait(&full[s], phase);
    const bool mine = target / 8 % TH == t;
    const float logit = mine ? __bfloat162float(reinterpret_cast<const b16*>(stage)[target]) : 0;
    const Kn<2> all = meet<TH, 1>(known<FAST, PK>([&](int i) { return stage[i * TH + t]; }, inside), MaxSum{}, turn);
    // All have done with the row before this one: its place is free.
    ask(row + (long)(S - 1) * gridDim.x, (s + S - 1) % S);
    const float lse2 = all.of[0] + log2f(all.of[1]);
    uint4* x = a.x + row * a.packs + t;
#pragma unroll
    for (int i = 0; i < PK; ++i) if (inside(i)) store<ST>(x + i * TH, gradient<FAST>(stage[i * TH + t], lse2, a.dloss, target - (t + i * TH) * 8));
    if (mine) finish(a, row, target, logit, lse2);
    if (++s == S) { s = 0; phase ^= 1; }
  }
}

// A block per row, the row in shared memory by the copy engine, three blocks or so per multiprocessor.
// OUT 1: gradients go back to shared memory and leave by the copy engine.
template <int TH, int PK, int MINB, int FAST, int OUT, bool PDL>
__global__ void __launch_bounds__(TH, MINB) loss_bulk(LossArgs a) {
  extern __shared__ __align__(128) uint4 stage[];
  __shared__ uint64_t full;
  const long row = blockIdx.x;
  const int t = threadIdx.x;
  if (t == 0) { bar_init(&full); bar_fence(); }
  __syncthreads();
  wait_previous<PDL>();
  if (t == 0) bulk(stage, a.x + row * a.packs, a.packs * 16, &full);
  let_next<PDL>();
  const int target = a.target[row];
  const auto inside = [&](int i) { return (i + 1) * TH <= 4000 || t + i * TH < a.packs; };
  bar_wait(&full, 0);
  const bool mine = target / 8 % TH == t;
  const float logit = mine ? __bfloat162float(reinterpret_cast<b16*>(stage)[target]) : 0;
  const Kn<2> all = meet<TH, 1>(known<FAST, PK>([&](int i) { return stage[i * TH + t]; }, inside), MaxSum{}, 0);
  const float lse2 = all.of[0] + log2f(all.of[1]);
  uint4* x = a.x + row * a.packs;
#pragma unroll
  for (int i = 0; i < PK; ++i) if (inside(i)) {
    const uint4 g = gradient<FAST>(stage[i * TH + t], lse2, a.dloss, target - (t + i * TH) * 8);
    if constexpr (OUT) stage[i * TH + t] = g; else store<0>(x + i * TH + t, g);
  }
  if constexpr (OUT) {
    if (mine) {
      a.loss[row] = lse2 / kLog2e - logit;
      reinterpret_cast<b16*>(stage)[target] = __float2bfloat16(a.dloss * (ex2(fmaf(logit, kLog2e, -lse2)) - 1.f));
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
    __syncthreads();
    if (t == 0) {
      asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0],[%1],%2;" ::"l"(x), "r"(sh(stage)), "r"(a.packs * 16) : "memory");
      asm volatile("cp.async.bulk.commit_group;" ::: "memory");
      asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    }
  } else if (mine) finish(a, row, target, logit, lse2);
}
