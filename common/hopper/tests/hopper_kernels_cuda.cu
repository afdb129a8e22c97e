// What hopper_test.cpp launches: each kernel uses one piece of common/hopper, so small that its result is
// known.
#include <cuda_bf16.h>

#include "common/core/check.h"
#include "common/hopper/named_barrier.cuh"
#include "common/hopper/tests/hopper_kernels.h"
#include "common/hopper/tma.cuh"
#include "common/hopper/wgmma.cuh"
#include "common/hopper/wgmma_registers.cuh"

namespace wb::hopper {
namespace {

// Copies 64 tokens and 64 features of a head.
__global__ void copy_head_tile_kernel(const __grid_constant__ CUtensorMap from,
                                      const __grid_constant__ CUtensorMap to, int feature, int row, int head,
                                      int batch) {
  __shared__ alignas(1024) __nv_bfloat16 tile[64 * 64];
  __shared__ std::uint64_t full;
  if (threadIdx.x != 0) return;
  init_barrier(&full, 1);
  publish_barriers();
  arrive_expecting(&full, sizeof(tile));
  load_head_tile(&from, tile, &full, feature, row, head, batch);
  wait(&full, 0);
  publish_shared_writes();
  store_head_tile(&to, tile, feature, row, head, batch);
  wait_for_stores<0>();
}

// out (64, kWidth) = bf16(q k^T) v, with q (64, 64), k (kWidth, 64), v (kWidth, kWidth).
template <int kWidth>
__global__ void __launch_bounds__(128)
    two_products_kernel(const __grid_constant__ CUtensorMap q_map, const __grid_constant__ CUtensorMap k_map,
                        const __grid_constant__ CUtensorMap v_map,
                        float* out) {  // (64, kWidth)
  extern __shared__ unsigned char memory[];
  __shared__ std::uint64_t full;
  auto* q =
      reinterpret_cast<__nv_bfloat16*>(memory + (1024 - shared_address(memory) % 1024) % 1024);  // (64, 64)
  __nv_bfloat16* k = q + 64 * 64;      // (kWidth, 64)
  __nv_bfloat16* v = k + kWidth * 64;  // (kWidth / 64, kWidth, 64)
  if (threadIdx.x == 0) {
    init_barrier(&full, 1);
    publish_barriers();
    arrive_expecting(&full, (64 * 64 + kWidth * 64 + kWidth * kWidth) * 2);
    load_tile(&q_map, q, &full, 0, 0);
    load_tile(&k_map, k, &full, 0, 0);
    for (int c = 0; c < kWidth / 64; ++c) load_tile(&v_map, v + c * kWidth * 64, &full, c * 64, 0);
  }
  __syncthreads();
  wait(&full, 0);
  float s[kWidth / 2], sums[kWidth / 2] = {};
#pragma unroll
  for (float& score : s) score = 1e30f;  // multiply_first must not add to it
  begin_products();
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint64_t a = tile_descriptor(q) + i * kDescriptorStep<false>;
    const std::uint64_t b = tile_descriptor(k) + i * kDescriptorStep<false>;
    if (i == 0)
      multiply_first<0, 0>(s, a, b);
    else
      multiply<0, 0>(s, a, b, 1);
  }
  commit_products();
  wait_for_products<0>();
  hold(s);
  std::uint32_t weights[kWidth / 16][4];
#pragma unroll
  for (int i = 0; i < kWidth / 4; ++i) {
    const __nv_bfloat162 pair = __floats2bfloat162_rn(s[2 * i], s[2 * i + 1]);
    weights[i / 4][i % 4] = *reinterpret_cast<const std::uint32_t*>(&pair);
  }
  begin_products();
#pragma unroll
  for (int i = 0; i < kWidth / 16; ++i) {
    add_product<1>(sums, weights[i], tile_descriptor(v, kWidth * kRowBytes) + i * kDescriptorStep<true>);
  }
  commit_products();
  wait_for_products<0>();
  hold(sums);
  const int row = static_cast<int>(threadIdx.x) / 32 * 16 + static_cast<int>(threadIdx.x) % 32 / 4;
#pragma unroll
  for (int i = 0; i < kWidth / 2; ++i) {
    out[(row + i % 4 / 2 * 8) * kWidth + i / 4 * 8 + static_cast<int>(threadIdx.x) % 4 * 2 + i % 2] = sums[i];
  }
}

// Warpgroups take turns: each writes its number after those before.
__global__ void __launch_bounds__(384) turns_kernel(int* log, int turns) {
  __shared__ int count;
  const int warpgroup = static_cast<int>(threadIdx.x) / 128;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  if (warpgroup == 2) arrive_at_named(1, 256);
  for (int turn = 0; turn < turns; ++turn) {
    wait_at(1 + warpgroup, 256);
    if (threadIdx.x % 128 == 0) log[count++] = warpgroup;
    __threadfence_block();
    arrive_at_named(1 + (warpgroup + 1) % 3, 256);
  }
  if (warpgroup == 0) wait_at(1, 256);
}

}  // namespace

void copy_head_tile(const CUtensorMap& from, const CUtensorMap& to, int feature, int row, int head,
                    int batch) {
  copy_head_tile_kernel<<<1, 32>>>(from, to, feature, row, head, batch);
  WB_CHECK_LAUNCH();
}

void two_products(int width, const CUtensorMap& q, const CUtensorMap& k, const CUtensorMap& v, float* out) {
  const int bytes = (64 * 64 + width * 64 + width * width) * 2 + 1024;
  const auto kernel = width == 64 ? two_products_kernel<64> : two_products_kernel<128>;
  WB_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
  kernel<<<1, 128, bytes>>>(q, k, v, out);
  WB_CHECK_LAUNCH();
}

void take_turns(int* log, int turns) {
  turns_kernel<<<1, 384>>>(log, turns);
  WB_CHECK_LAUNCH();
}

}  // namespace wb::hopper
