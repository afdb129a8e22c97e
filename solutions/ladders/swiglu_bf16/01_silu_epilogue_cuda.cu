// Rung 1: silu(gate) * up is computed in the product's registers; nothing is read again.
//
// Idea: an epilogue. A block multiplies its 64 or 128 rows of x by the same 64 or 128 columns of both
// projections: the upper half of its tile of b comes from w_gate, the lower half from w_up. Each thread then
// holds gate and up of the same outputs, and computes silu(gate) * up before it stores them. The product is
// the last rung of matmul_bf16, whose head explains the ring, the small tiles and the early start.
//
// Limited before: three launches. The third reads back the 4 N F bytes that the two products have just
// written, and the multiprocessors load x twice.
//
// Limits now: the limits of the product; the kernel writes three arrays, and a product writes one.
//
// Costs in clarity: two matrices in one tile, and an implementation that ignores the product it is given.
// 168 registers, 225 KiB of shared memory.
//
// Needs: sm_90a
#include <algorithm>

#include "07_tinyllama/swiglu_check.h"
#include "common/core/device_attribute.h"
#include "common/core/registry.h"
#include "common/hopper/dependent_launch.cuh"
#include "solutions/ladders/matmul_bf16/launch.h"
#include "solutions/ladders/matmul_bf16/staged_store.cuh"
#include "solutions/ladders/matmul_bf16/tile_order.cuh"
#include "solutions/ladders/matmul_bf16/wgmma_tiles.cuh"

namespace wb {
namespace {

constexpr int kBand = 16;

// A block owns 64 rows per consumer, and kFeatures columns of each projection.
template <int kItsConsumers, int kItsFeatures, int kItsStages>
struct Shape {
  static constexpr int kConsumers = kItsConsumers;  // warpgroups
  static constexpr int kThreads = 128 * (1 + kConsumers);
  static constexpr int kTileM = 64 * kConsumers;
  static constexpr int kFeatures = kItsFeatures;
  static constexpr int kStages = kItsStages;
  // Two shares of b: the first from w_gate, the second from w_up.
  using Tiles = WgmmaTiles<MatmulLayout::kNT, kTileM, 2 * kFeatures, 2>;
  static constexpr int kRingBytes = kStages * Tiles::kStageBytes;
  static constexpr int kSharedBytes = kRingBytes + kConsumers * kStagingBytesPerWarpgroup + kAlignSlack;
};

struct Arrays {
  Result<bf16> gate, up, out;  // (N, F) each
};

// One thread: the tiles of this block, stage after stage.
template <class Shape>
__device__ void produce(const CUtensorMap* x_map, const CUtensorMap* gate_map, const CUtensorMap* up_map,
                        unsigned char* stages, std::uint64_t* full, std::uint64_t* empty, int steps,
                        TileOrder order) {
  using Tiles = typename Shape::Tiles;
  hopper::RingPosition at;
  for (int tile = static_cast<int>(blockIdx.x); tile < order.count(); tile += static_cast<int>(gridDim.x)) {
    int row, column;
    order.place(tile, row, column);
    const int feature = column * Shape::kFeatures;
    for (int step = 0; step < steps; ++step) {
      unsigned char* stage = stages + at.stage * Tiles::kStageBytes;
      hopper::wait(&empty[at.stage], at.parity ^ 1);
      hopper::arrive_expecting(&full[at.stage], Tiles::kStageBytes);
      Tiles::load_a(x_map, stage, &full[at.stage], row * Shape::kTileM, step * kDepth);
      Tiles::load_b(gate_map, stage, &full[at.stage], feature, step * kDepth, 0);
      // Share 1 begins kFeatures columns further in b; in w_up it is the same feature.
      Tiles::load_b(up_map, stage, &full[at.stage], feature - Shape::kFeatures, step * kDepth, 1);
      at.advance<Shape::kStages>();
    }
  }
}

// With the fast exponential and division of the special function unit: their errors are some 2^-21 of a
// number that is rounded to 2^-9, and the exact ones take longer here than the product's stores. For z far
// below zero, exp(-z) is infinite and the quotient 0.
__device__ float fast_silu(float z) {
  return __fdividef(z, 1.0f + __expf(-z));
}

// Two of three arrays have left; the third takes the place of gate. It is of gate and up as stored, in bf16,
// which is how the backward pass meets them.
template <int kCount>
__device__ void activate(float (&gate)[kCount], const float (&up)[kCount]) {
#pragma unroll
  for (int i = 0; i < kCount; ++i) {
    gate[i] = fast_silu(to_float(from_float<bf16>(gate[i]))) * to_float(from_float<bf16>(up[i]));
  }
}

template <class Shape>
__global__ void __launch_bounds__(Shape::kThreads, 1)
    silu_epilogue_kernel(const __grid_constant__ CUtensorMap x_map,
                         const __grid_constant__ CUtensorMap w_gate_map,
                         const __grid_constant__ CUtensorMap w_up_map,
                         const __grid_constant__ CUtensorMap gate_map,
                         const __grid_constant__ CUtensorMap up_map,
                         const __grid_constant__ CUtensorMap out_map, int c, Arrays arrays, TileOrder order,
                         bool store_by_tma) {
  using Tiles = typename Shape::Tiles;
  constexpr int kStages = Shape::kStages, kFeatures = Shape::kFeatures;
  unsigned char* stages = aligned_shared_memory();  // (kStages, kStageBytes)
  __shared__ std::uint64_t full[kStages];
  __shared__ std::uint64_t empty[kStages];
  const int steps = (c + kDepth - 1) / kDepth;
  if (threadIdx.x == 0) {
    for (std::uint64_t& barrier : full) hopper::init_barrier(&barrier, 1);
    for (std::uint64_t& barrier : empty) hopper::init_barrier(&barrier, Shape::kConsumers);
    hopper::publish_barriers();
  }
  __syncthreads();
  hopper::let_next_kernel_start();
  hopper::wait_for_previous_kernel();

  if (threadIdx.x < 128) {
    if constexpr (Shape::kConsumers == 2) hopper::give_registers<40>();
    if (threadIdx.x == 0) {
      produce<Shape>(&x_map, &w_gate_map, &w_up_map, stages, full, empty, steps, order);
    }
    return;
  }
  if constexpr (Shape::kConsumers == 2) hopper::take_registers<232>();
  const int consumer = static_cast<int>(threadIdx.x) / 128 - 1;
  bf16* staging = reinterpret_cast<bf16*>(stages + Shape::kRingBytes + consumer * kStagingBytesPerWarpgroup);
  hopper::RingPosition at;
  int stored = 0;
  float sums[kFeatures];  // (2, kFeatures / 2): of gate, of up
  for (int tile = static_cast<int>(blockIdx.x); tile < order.count(); tile += static_cast<int>(gridDim.x)) {
    int row, column;
    order.place(tile, row, column);
    row = row * Shape::kTileM + consumer * 64;
    column *= kFeatures;
    int previous = 0;
    for (int step = 0; step < steps; ++step) {
      hopper::wait(&full[at.stage], at.parity);
      Tiles::multiply_stage(sums, stages + at.stage * Tiles::kStageBytes, consumer, step == 0);
      hopper::wait_for_products<1>();
      if (step > 0 && threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
      previous = at.stage;
      at.advance<kStages>();
    }
    hopper::wait_for_products<0>();
    hopper::hold(sums);
    if (threadIdx.x % 128 == 0) hopper::arrive(&empty[previous]);
    auto& gate = reinterpret_cast<float(&)[kFeatures / 2]>(sums[0]);
    auto& up = reinterpret_cast<float(&)[kFeatures / 2]>(sums[kFeatures / 2]);
    if (store_by_tma) {
      constexpr int kSlices = kFeatures / 64;
      store_staged<kFeatures>(&gate_map, staging, gate, 1.0f, row, column, consumer, stored);
      store_staged<kFeatures>(&up_map, staging, up, 1.0f, row, column, consumer, stored + kSlices);
      activate(gate, up);
      store_staged<kFeatures>(&out_map, staging, gate, 1.0f, row, column, consumer, stored + 2 * kSlices);
      stored += 3 * kSlices;
    } else {
      store_fragment<kFeatures>(arrays.gate, gate, row, column);
      store_fragment<kFeatures>(arrays.up, up, row, column);
      activate(gate, up);
      store_fragment<kFeatures>(arrays.out, gate, row, column);
    }
  }
  hopper::wait_for_stores<0>();
}

template <class Shape>
void launch(const PaddedOperand& x, const PaddedOperand& w_gate, const PaddedOperand& w_up, int c,
            const Arrays& arrays, cudaStream_t stream) {
  using Tiles = typename Shape::Tiles;
  const int n = arrays.out.m, f = arrays.out.n;
  const int tiles = static_cast<int>(tile_count(n, f, Shape::kTileM, Shape::kFeatures));
  const int columns = (f + Shape::kFeatures - 1) / Shape::kFeatures;
  const bool store_by_tma = can_store_by_tma(arrays.gate.c, f, 0.0f) &&
                            can_store_by_tma(arrays.up.c, f, 0.0f) && can_store_by_tma(arrays.out.c, f, 0.0f);
  const auto kernel = silu_epilogue_kernel<Shape>;
  allow_shared_memory(kernel, Shape::kSharedBytes);
  cudaLaunchAttribute early = hopper::may_start_early();
  cudaLaunchConfig_t config = {};
  config.gridDim =
      dim3(static_cast<unsigned>(std::min(tiles, device_attribute(cudaDevAttrMultiProcessorCount))));
  config.blockDim = dim3(Shape::kThreads);
  config.dynamicSmemBytes = Shape::kSharedBytes;
  config.stream = stream;
  config.attrs = &early;
  config.numAttrs = 1;
  WB_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, Tiles::map_a(x), Tiles::map_b(w_gate), Tiles::map_b(w_up),
                                   map_result(arrays.gate.c, n, f, store_by_tma),
                                   map_result(arrays.up.c, n, f, store_by_tma),
                                   map_result(arrays.out.c, n, f, store_by_tma), c, arrays,
                                   TileOrder{tiles / columns, columns, kBand}, store_by_tma));
}

void swiglu_silu_epilogue(const bf16* x, const bf16* w_gate, const bf16* w_up, bf16* gate, bf16* up,
                          bf16* out, int n, int c, int f, MatmulBf16::Function* matmul, cudaStream_t stream) {
  require_swiglu_forward(x, w_gate, w_up, gate, up, out, n, c, f, matmul);
  const PaddedOperand x_padded(x, n, c, stream);
  const PaddedOperand w_gate_padded(w_gate, f, c, stream), w_up_padded(w_up, f, c, stream);
  const auto to = [&](bf16* array) { return Result<bf16>{array, n, f, 1.0f, 0.0f}; };
  const Arrays arrays{to(gate), to(up), to(out)};
  // As in the last rung of matmul_bf16: the largest tile that leaves at most an eighth of the chip without
  // one.
  const auto fills = [&](int rows, int features) {
    return std::int64_t{8} * tile_count(n, f, rows, features) >=
           7 * device_attribute(cudaDevAttrMultiProcessorCount);
  };
  if (fills(128, 128)) {
    launch<Shape<2, 128, 4>>(x_padded, w_gate_padded, w_up_padded, c, arrays, stream);
  } else {
    launch<Shape<1, 64, 6>>(x_padded, w_gate_padded, w_up_padded, c, arrays, stream);
  }
}

}  // namespace

WB_REGISTER(SwigluForwardBf16, silu_epilogue, swiglu_silu_epilogue);

}  // namespace wb
