// Variants of layernorm and rmsnorm forward. Rows fill the shape.
#pragma once
#include "rows_common.cuh"

struct Args { const uint4 *x, *g, *b; uint4* y; float *mean, *rstd; int n; float eps; };

template <class T, bool LN> __device__ __forceinline__ uint4 result(const uint4& x, float mean, float rstd, const uint4& g, const uint4& b) {
  float f[kW<T>];
#pragma unroll
  for (int j = 0; j < kW<T>; ++j) f[j] = LN ? (at<T>(x, j) - mean) * rstd * at<T>(g, j) + at<T>(b, j) : at<T>(x, j) * (rstd * at<T>(g, j));
  return packed<T>(f);
}

// Registers hold PK packs of a thread, shared memory SH more (AS: by cp.async). AH packs of weights are asked
// for ahead; PRE: the first of them before the meeting.
template <class T, bool LN, int TH, int PK, int SH, int MINB, int LD, int ST, int AH, bool PRE, bool PDL>
__global__ void __launch_bounds__(TH, MINB) held(Args a) {
  extern __shared__ uint4 sm[];
  constexpr int N = PK + SH, kCols = N * TH * kW<T>;
  const long row = blockIdx.x;
  const int t = threadIdx.x;
  const uint4* x = a.x + row * (N * TH) + t;
  wait_previous<PDL>();
  if constexpr (SH > 0) {
#pragma unroll
    for (int i = 0; i < SH; ++i)
      asm volatile("cp.async.cg.shared.global [%0],[%1],16;" ::"r"(sh(sm + i * TH + t)), "l"(x + (PK + i) * TH) : "memory");
    asm volatile("cp.async.commit_group;" ::: "memory");
  }
  uint4 v[PK], g[AH], b[AH];
#pragma unroll
  for (int i = 0; i < PK; ++i) v[i] = load<LD>(x + i * TH);
  const auto ask = [&](int i) {
    g[i % AH] = load<4>(a.g + i * TH + t);
    if (LN) b[i % AH] = load<4>(a.b + i * TH + t);
  };
  if constexpr (PRE) {
#pragma unroll
    for (int i = 0; i < AH; ++i) ask(i);
  }
  let_next<PDL>();
  const auto get = [&](int i) { return i < PK ? v[i < PK ? i : 0] : sm[(i - PK) * TH + t]; };
  float sum = 0, sq = 0, mean = 0;
  const auto each = [&](auto f) {
#pragma unroll
    for (int i = 0; i < N; ++i) {
      if (SH > 0 && i == PK) asm volatile("cp.async.wait_all;" ::: "memory");
      const uint4 p = get(i);
#pragma unroll
      for (int j = 0; j < kW<T>; ++j) f(at<T>(p, j));
    }
  };
  if constexpr (LN) {
    each([&](float f) { sum += f; });
    mean = meet<TH, 1>(Kn<1>{{sum}}, Plus{}, 0).of[0] / kCols;
  }
  each([&](float f) { sq += (f - mean) * (f - mean); });
  const float rstd = rsqrtf(meet<TH, 1>(Kn<1>{{sq}}, Plus{}, 1).of[0] / kCols + a.eps);
  if (t == 0) { if (LN) a.mean[row] = mean; a.rstd[row] = rstd; }
  if constexpr (!PRE) {
#pragma unroll
    for (int i = 0; i < AH; ++i) ask(i);
  }
  if constexpr (sizeof(T) == 2) {
#pragma unroll
    for (int i = 0; i < PK; ++i) forget(v[i]);
  }
  uint4* y = a.y + row * (N * TH) + t;
#pragma unroll
  for (int i = 0; i < N; ++i) {
    const uint4 r = result<T, LN>(get(i), mean, rstd, g[i % AH], b[i % AH]);
    if (i + AH < N) ask(i + AH);
    store<ST>(y + i * TH, r);
  }
}

// A cluster of CL blocks stays for many rows; each block owns a slice of the columns. The copy engine brings
// the next slice into shared memory while this one is in registers. Weights: WP 0 registers, 1 shared
// memory, 2 asked for two packs ahead from the caches.
template <class T, bool LN, int TH, int PK, int CL, int WP, int MINB, int ST, bool ONE>
__global__ void __launch_bounds__(TH, MINB) staying(Args a) {
  extern __shared__ __align__(128) uint4 sm[];
  __shared__ uint64_t full;
  constexpr int kSlice = PK * TH, kRow = kSlice * CL, kCols = kRow * kW<T>;
  const int t = threadIdx.x, rank = blockIdx.x % CL, groups = gridDim.x / CL;
  uint4 *stage = sm, *sg = sm + kSlice, *sb = sm + 2 * kSlice;
  const uint4 *gg = a.g + rank * kSlice + t, *gb = a.b + rank * kSlice + t;
  if (t == 0) { bar_init(&full); bar_fence(); }
  asm volatile("griddepcontrol.wait;" ::: "memory");
  long row = blockIdx.x / CL;
  if (t == 0 && row < a.n) bulk(stage, a.x + row * kRow + rank * kSlice, kSlice * 16, &full);
  uint4 rg[WP == 0 ? PK : 1], rb[WP == 0 ? PK : 1];
  if constexpr (WP == 0) {
#pragma unroll
    for (int i = 0; i < PK; ++i) { rg[i] = load<4>(gg + i * TH); if (LN) rb[i] = load<4>(gb + i * TH); }
  }
  if constexpr (WP == 1) {
#pragma unroll
    for (int i = 0; i < PK; ++i) { sg[i * TH + t] = load<4>(gg + i * TH); if (LN) sb[i * TH + t] = load<4>(gb + i * TH); }
  }
  if constexpr (CL > 1) cooperative_groups::this_cluster().sync(); else __syncthreads();
  asm volatile("griddepcontrol.launch_dependents;");
  int turn = 0;
  for (unsigned phase = 0; row < a.n; row += groups, phase ^= 1) {
    bar_wait(&full, phase);
    uint4 v[PK];
#pragma unroll
    for (int i = 0; i < PK; ++i) v[i] = stage[i * TH + t];
    float mean = 0, sum = 0, sq = 0, rstd;
    const auto next = [&] {
      if (t == 0 && row + groups < a.n) bulk(stage, a.x + (row + groups) * kRow + rank * kSlice, kSlice * 16, &full);
    };
    const auto each = [&](auto f) {
#pragma unroll
      for (int i = 0; i < PK; ++i)
#pragma unroll
        for (int j = 0; j < kW<T>; ++j) f(at<T>(v[i], j));
    };
    if constexpr (LN && ONE) {
      // Every thread has as many values: means are averaged, and what they differ by is added.
      each([&](float f) { sum += f; });
      const float mine = sum / (PK * kW<T>);
      each([&](float f) { sq += (f - mine) * (f - mine); });
      struct Merge { __device__ __forceinline__ Kn<3> operator()(const Kn<3>& p, const Kn<3>& q) const {
        const float d = p.of[1] - q.of[1];
        return {{2 * p.of[0], 0.5f * (p.of[1] + q.of[1]), p.of[2] + q.of[2] + d * d * (0.5f * p.of[0])}}; } };
      const Kn<3> all = meet<TH, CL>(Kn<3>{{float(PK * kW<T>), mine, sq}}, Merge{}, turn);
      turn ^= 1;
      next();
      mean = all.of[1]; rstd = rsqrtf(all.of[2] / kCols + a.eps);
    } else {
      if constexpr (LN) {
        each([&](float f) { sum += f; });
        mean = meet<TH, CL>(Kn<1>{{sum}}, Plus{}, turn).of[0] / kCols;
        turn ^= 1;
        next();
      }
      each([&](float f) { sq += (f - mean) * (f - mean); });
      rstd = rsqrtf(meet<TH, CL>(Kn<1>{{sq}}, Plus{}, turn).of[0] / kCols + a.eps);
      turn ^= 1;
      if constexpr (!LN) next();
    }
    if (t == 0 && rank == 0) { if (LN) a.mean[row] = mean; a.rstd[row] = rstd; }
    if constexpr (sizeof(T) == 2) {
#pragma unroll
      for (int i = 0; i < PK; ++i) { forget(v[i]); if (WP == 0) forget(rg[i]); }
    }
    uint4* y = a.y + row * kRow + rank * kSlice + t;
    uint4 wg[2], wb[2];
    if constexpr (WP == 2) {
#pragma unroll
      for (int i = 0; i < 2; ++i) { wg[i] = load<4>(gg + i * TH); if (LN) wb[i] = load<4>(gb + i * TH); }
    }
#pragma unroll
    for (int i = 0; i < PK; ++i) {
      uint4 g, b = {};
      if constexpr (WP == 0) { g = rg[i]; if (LN) b = rb[i]; }
      if constexpr (WP == 1) { g = sg[i * TH + t]; if (LN) b = sb[i * TH + t]; }
      if constexpr (WP == 2) { g = wg[i % 2]; if (LN) b = wb[i % 2]; }
      const uint4 r = result<T, LN>(v[i], mean, rstd, g, b);
      if constexpr (WP == 2) { if (i + 2 < PK) { wg[i % 2] = load<4>(gg + (i + 2) * TH); if (LN) wb[i % 2] = load<4>(gb + (i + 2) * TH); } }
      store<ST>(y + i * TH, r);
    }
  }
}

// As torch.compile's kernel: the row in chunks of U packs per thread, read twice. HINT 1: the first reading
// evicts last, the second first. REV: the second reading goes backward.
template <class T, bool LN, int TH, int U, int HINT, bool REV, int MINB, bool PDL>
__global__ void __launch_bounds__(TH, MINB) twice(Args a, int packs) {
  const long row = blockIdx.x;
  const int t = threadIdx.x, chunks = packs / (TH * U);
  const uint4* x = a.x + row * packs + t;
  wait_previous<PDL>();
  float acc[U][kW<T>] = {}, mean_[U][kW<T>] = {};
  for (int c = 0; c < chunks; ++c) {
    uint4 v[U];
#pragma unroll
    for (int u = 0; u < U; ++u) v[u] = load<HINT ? 5 : 0>(x + (c * U + u) * TH);
    const float share = 1.0f / (c + 1);
#pragma unroll
    for (int u = 0; u < U; ++u)
#pragma unroll
      for (int j = 0; j < kW<T>; ++j) {
        const float f = at<T>(v[u], j);
        if constexpr (LN) {
          const float d = f - mean_[u][j];
          mean_[u][j] += d * share;
          acc[u][j] += d * (f - mean_[u][j]);
        } else acc[u][j] += f * f;
      }
  }
  let_next<PDL>();
  float mean = 0, sq = 0;
  const int columns = packs * kW<T>;
  if constexpr (LN) {
    float sum = 0;
#pragma unroll
    for (int u = 0; u < U; ++u)
#pragma unroll
      for (int j = 0; j < kW<T>; ++j) sum += mean_[u][j];
    mean = meet<TH, 1>(Kn<1>{{sum}}, Plus{}, 0).of[0] / (TH * U * kW<T>);
  }
#pragma unroll
  for (int u = 0; u < U; ++u)
#pragma unroll
    for (int j = 0; j < kW<T>; ++j) sq += LN ? acc[u][j] + chunks * (mean_[u][j] - mean) * (mean_[u][j] - mean) : acc[u][j];
  const float rstd = rsqrtf(meet<TH, 1>(Kn<1>{{sq}}, Plus{}, 1).of[0] / columns + a.eps);
  if (t == 0) { if (LN) a.mean[row] = mean; a.rstd[row] = rstd; }
  uint4* y = a.y + row * packs + t;
  for (int k = 0; k < chunks; ++k) {
    const int c = REV ? chunks - 1 - k : k;
    uint4 v[U], g[U], b[U];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      v[u] = load<HINT ? 6 : 0>(x + (c * U + u) * TH);
      g[u] = load<HINT ? 5 : 4>(a.g + (c * U + u) * TH + t);
      if (LN) b[u] = load<HINT ? 5 : 4>(a.b + (c * U + u) * TH + t);
    }
#pragma unroll
    for (int u = 0; u < U; ++u) store<0>(y + (c * U + u) * TH, result<T, LN>(v[u], mean, rstd, g[u], b[u]));
  }
}

// Short rows: R rows of TH * PK packs per block, weights once; rmsnorm.
template <class T, int TH, int PK, int R, int LD, int ST, bool PDL>
__global__ void __launch_bounds__(TH) several(Args a) {
  const long first = blockIdx.x * (long)R;
  const int t = threadIdx.x;
  uint4 v[R][PK], g[PK];
  wait_previous<PDL>();
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int i = 0; i < PK; ++i) v[r][i] = load<LD>(a.x + (first + r) * (TH * PK) + i * TH + t);
#pragma unroll
  for (int i = 0; i < PK; ++i) g[i] = load<4>(a.g + i * TH + t);
  let_next<PDL>();
  Kn<R> sq = {};
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int i = 0; i < PK; ++i)
#pragma unroll
      for (int j = 0; j < kW<T>; ++j) sq.of[r] += at<T>(v[r][i], j) * at<T>(v[r][i], j);
  sq = meet<TH, 1>(sq, Plus{}, 0);
#pragma unroll
  for (int r = 0; r < R; ++r)
#pragma unroll
    for (int i = 0; i < PK; ++i) forget(v[r][i]);
#pragma unroll
  for (int r = 0; r < R; ++r) {
    const float rstd = rsqrtf(sq.of[r] / (TH * PK * kW<T>) + a.eps);
    if (t == 0) a.rstd[first + r] = rstd;
#pragma unroll
    for (int i = 0; i < PK; ++i) store<ST>(a.y + (first + r) * (TH * PK) + i * TH + t, result<T, false>(v[r][i], 0, rstd, g[i], g[i]));
  }
}

// A warp per row, no barrier. A warp takes R rows at once, then the next R of the grid's stride; AHEAD: it
// asks for those before it stores these.
template <class T, int WARPS, int PK, int R, bool AHEAD, int LD, int ST>
__global__ void __launch_bounds__(WARPS * 32) warp_rows(Args a) {
  const int lane = threadIdx.x % 32;
  const long step = (long)gridDim.x * WARPS * R;
  long row = ((long)blockIdx.x * WARPS + threadIdx.x / 32) * R;
  uint4 v[R][PK], g[PK];
  const auto ask = [&](long from) {
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int i = 0; i < PK; ++i) v[r][i] = load<LD>(a.x + (from + r) * (32 * PK) + i * 32 + lane);
  };
  asm volatile("griddepcontrol.wait;" ::: "memory");
  if (row < a.n) ask(row);
#pragma unroll
  for (int i = 0; i < PK; ++i) g[i] = load<4>(a.g + i * 32 + lane);
  asm volatile("griddepcontrol.launch_dependents;");
  for (; row < a.n; row += step) {
    Kn<R> sq = {};
    uint4 w[R][PK];
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int i = 0; i < PK; ++i) {
        w[r][i] = v[r][i];
#pragma unroll
        for (int j = 0; j < kW<T>; ++j) sq.of[r] += at<T>(v[r][i], j) * at<T>(v[r][i], j);
      }
    if (AHEAD && row + step < a.n) ask(row + step);
    sq = in_warp(sq, Plus{});
#pragma unroll
    for (int r = 0; r < R; ++r)
#pragma unroll
      for (int i = 0; i < PK; ++i) { forget(w[r][i]); if (r == 0) forget(g[i]); }
#pragma unroll
    for (int r = 0; r < R; ++r) {
      const float rstd = rsqrtf(sq.of[r] / (32 * PK * kW<T>) + a.eps);
      if (lane == 0) a.rstd[row + r] = rstd;
#pragma unroll
      for (int i = 0; i < PK; ++i) store<ST>(a.y + (row + r) * (32 * PK) + i * 32 + lane, result<T, false>(w[r][i], 0, rstd, g[i], g[i]));
    }
    if (!AHEAD && row + step < a.n) ask(row + step);
  }
}
