// What rows.cu shares: packs of 16 bytes with cache hints, meetings, the copy engine, launches.
#pragma once
#include <cooperative_groups.h>
#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#define CK(e) do { cudaError_t r_ = (e); if (r_ != cudaSuccess) { std::printf("FAILED %s:%d %s: %s\n", __FILE__, __LINE__, #e, cudaGetErrorString(r_)); std::fflush(stdout); std::exit(1); } } while (0)

using b16 = __nv_bfloat16;
template <class T> constexpr int kW = 16 / (int)sizeof(T);

template <class T> __device__ __forceinline__ float at(const uint4& v, int j) {
  const unsigned w[4] = {v.x, v.y, v.z, v.w};
  if constexpr (sizeof(T) == 4) return __uint_as_float(w[j]);
  else return __uint_as_float(j % 2 ? w[j / 2] & 0xffff0000u : w[j / 2] << 16);
}
// The compiler may not keep the floats of these words from before.
__device__ __forceinline__ void forget(uint4& v) { asm volatile("" : "+r"(v.x), "+r"(v.y), "+r"(v.z), "+r"(v.w)); }
__device__ __forceinline__ unsigned two(float a, float b) {
  __nv_bfloat162 p = __floats2bfloat162_rn(a, b); unsigned u; memcpy(&u, &p, 4); return u;
}
template <class T> __device__ __forceinline__ uint4 packed(const float* f) {
  if constexpr (sizeof(T) == 4) return make_uint4(__float_as_uint(f[0]), __float_as_uint(f[1]), __float_as_uint(f[2]), __float_as_uint(f[3]));
  else return make_uint4(two(f[0], f[1]), two(f[2], f[3]), two(f[4], f[5]), two(f[6], f[7]));
}

// Loads: 0 plain, 1 ld.cs, 2 nc.L1::no_allocate, 3 nc.no_allocate + L2 evict_first, 4 nc,
//        5 L1::evict_last (+L2 evict_last), 6 L1::evict_first (+L2 evict_first).
__device__ __forceinline__ uint64_t first_policy() { uint64_t p; asm("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(p)); return p; }
__device__ __forceinline__ uint64_t last_policy() { uint64_t p; asm("createpolicy.fractional.L2::evict_last.b64 %0, 1.0;" : "=l"(p)); return p; }
template <int M> __device__ __forceinline__ uint4 load(const uint4* p) {
  uint4 v;
  if constexpr (M == 0) v = *p;
  if constexpr (M == 1) v = __ldcs(p);
  if constexpr (M == 2) asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3},[%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p));
  if constexpr (M == 3) asm volatile("ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32 {%0,%1,%2,%3},[%4],%5;" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p), "l"(first_policy()));
  if constexpr (M == 4) v = __ldg(p);
  if constexpr (M == 5) asm volatile("ld.global.L1::evict_last.L2::cache_hint.v4.u32 {%0,%1,%2,%3},[%4],%5;" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p), "l"(last_policy()));
  if constexpr (M == 6) asm volatile("ld.global.L1::evict_first.L2::cache_hint.v4.u32 {%0,%1,%2,%3},[%4],%5;" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p), "l"(first_policy()));
  return v;
}
// Stores: 0 plain, 1 st.cs, 2 L2 evict_first, 3 st.wt
template <int M> __device__ __forceinline__ void store(uint4* p, const uint4& v) {
  if constexpr (M == 0) *p = v;
  if constexpr (M == 1) __stcs(p, v);
  if constexpr (M == 2) asm volatile("st.global.L2::cache_hint.v4.u32 [%0],{%1,%2,%3,%4},%5;" ::"l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w), "l"(first_policy()) : "memory");
  if constexpr (M == 3) __stwt(p, v);
}

template <bool P> __device__ __forceinline__ void wait_previous() { if constexpr (P) asm volatile("griddepcontrol.wait;" ::: "memory"); }
template <bool P> __device__ __forceinline__ void let_next() { if constexpr (P) asm volatile("griddepcontrol.launch_dependents;"); }

template <int K> struct Kn { float of[K]; };
template <int K, class F> __device__ __forceinline__ Kn<K> in_warp(Kn<K> m, F f, int lanes = 32) {
#pragma unroll
  for (int d = 16; d > 0; d /= 2) {
    if (d >= lanes) continue;
    Kn<K> o;
#pragma unroll
    for (int i = 0; i < K; ++i) o.of[i] = __shfl_xor_sync(~0u, m.of[i], d);
    m = f(m, o);
  }
  return m;
}
struct Plus { template <int K> __device__ __forceinline__ Kn<K> operator()(Kn<K> a, const Kn<K>& b) const {
#pragma unroll
  for (int i = 0; i < K; ++i) a.of[i] += b.of[i];
  return a; } };
// {maximum, sum of 2^(x - maximum)} in units of log2
struct MaxSum { __device__ __forceinline__ Kn<2> operator()(const Kn<2>& a, const Kn<2>& b) const {
  const float m = fmaxf(a.of[0], b.of[0]), s = m == -INFINITY ? 0.f : m;
  return {{m, a.of[1] * exp2f(a.of[0] - s) + b.of[1] * exp2f(b.of[0] - s)}}; } };

// One barrier of the block (CL 1) or of the cluster; `turn` 0 and 1 by turns.
template <int TH, int CL, int K, class F> __device__ __forceinline__ Kn<K> meet(Kn<K> m, F f, int turn) {
  constexpr int kWarps = TH / 32, kSlots = kWarps * CL, kLanes = kSlots < 32 ? kSlots : 32;
  __shared__ Kn<K> slots[2][kSlots];
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  m = in_warp(m, f);
  if constexpr (CL == 1) {
    if constexpr (kWarps == 1) return m;
    if (lane == 0) slots[turn][warp] = m;
    __syncthreads();
  } else {
    const auto cluster = cooperative_groups::this_cluster();
    if (lane < CL) *cluster.map_shared_rank(&slots[turn][cluster.block_rank() * kWarps + warp], lane) = m;
    cluster.sync();
  }
  Kn<K> all = slots[turn][lane % kLanes];
#pragma unroll
  for (int i = 32; i < kSlots; i += 32) all = f(all, slots[turn][i + lane]);
  all = in_warp(all, f, kLanes);
#pragma unroll
  for (int i = 0; i < K; ++i) all.of[i] = __shfl_sync(~0u, all.of[i], 0);
  return all;
}

__device__ __forceinline__ unsigned sh(const void* p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ __forceinline__ void bar_init(uint64_t* b) { asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(sh(b)) : "memory"); }
__device__ __forceinline__ void bar_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
__device__ __forceinline__ void bar_wait(uint64_t* b, unsigned phase) {
  asm volatile("{.reg .pred p;\nL_%=: mbarrier.try_wait.parity.shared::cta.b64 p,[%0],%1;\n@!p bra L_%=;\n}" ::"r"(sh(b)), "r"(phase) : "memory");
}
// bytes a multiple of 16; split so that several copies are on their way.
__device__ __forceinline__ void bulk(void* to, const void* from, unsigned bytes, uint64_t* b) {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sh(b)), "r"(bytes) : "memory");
  constexpr unsigned kPart = 16384;
  for (unsigned o = 0; o < bytes; o += kPart)
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint [%0],[%1],%2,[%3],%4;" ::"r"(sh(to) + o), "l"((const char*)from + o), "r"(min(kPart, bytes - o)), "r"(sh(b)), "l"(first_policy()) : "memory");
}

struct Shape { int grid, block; int shared = 0, cluster = 1; bool early = false; };
template <class... P, class... A> void go(void (*k)(P...), const Shape& s, A... a) {
  if (s.shared > 48 * 1024 && cudaFuncSetAttribute(k, cudaFuncAttributeMaxDynamicSharedMemorySize, s.shared) != cudaSuccess) { cudaGetLastError(); return; }
  cudaLaunchAttribute at[2]; int n = 0;
  if (s.early) { at[n].id = cudaLaunchAttributeProgrammaticStreamSerialization; at[n++].val.programmaticStreamSerializationAllowed = 1; }
  if (s.cluster > 1) { at[n].id = cudaLaunchAttributeClusterDimension; at[n].val.clusterDim.x = s.cluster; at[n].val.clusterDim.y = at[n].val.clusterDim.z = 1; ++n; }
  cudaLaunchConfig_t c = {};
  c.gridDim = dim3(s.grid); c.blockDim = dim3(s.block); c.dynamicSmemBytes = s.shared; c.attrs = at; c.numAttrs = n;
  // A variant that asks for more than there is does nothing, and is then called WRONG.
  if (cudaLaunchKernelEx(&c, k, P(a)...) != cudaSuccess) cudaGetLastError();
}
// Clusters (or blocks) that the device holds at once.
template <class... P> int resident(void (*k)(P...), int threads, int shared, int cluster) {
  if (shared > 48 * 1024 && cudaFuncSetAttribute(k, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess) { cudaGetLastError(); return 1; }
  int sms, r = 0;
  CK(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
  if (cluster == 1) { CK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&r, k, threads, shared)); return r * sms; }
  cudaLaunchAttribute at; at.id = cudaLaunchAttributeClusterDimension; at.val.clusterDim.x = cluster; at.val.clusterDim.y = at.val.clusterDim.z = 1;
  cudaLaunchConfig_t c = {}; c.gridDim = dim3(cluster); c.blockDim = dim3(threads); c.dynamicSmemBytes = shared; c.attrs = &at; c.numAttrs = 1;
  CK(cudaOccupancyMaxActiveClusters(&r, k, &c));
  return r;
}
