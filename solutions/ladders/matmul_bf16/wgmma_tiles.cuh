// Tiles of both operands for wgmma, as TMA brings them: rungs 4 to 8.
//
// A stage of the ring holds one tile of a, (kTileM, 64 of K), and one of b, (64 of K, kTileN), each in the
// arrangement of swizzled_tile.cuh. Every warpgroup multiplies 64 rows of a by all of b.
#pragma once

#include <cstdint>

#include "common/core/check.h"
#include "common/hopper/padded_operand.h"
#include "common/hopper/tensor_map.h"
#include "common/hopper/tma.cuh"
#include "common/hopper/wgmma.cuh"
#include "solutions/ladders/matmul_bf16/store_result.cuh"
#include "solutions/ladders/matmul_bf16/swizzled_tile.cuh"

namespace wb {

constexpr int kDepth = 64;  // of K in a stage
constexpr int kChunkBytes = kChunkElements * static_cast<int>(sizeof(bf16));

/// By a warpgroup: what wgmma leaves of (64, kColumns) in its registers, to C, of which `row` and `column`
/// are the first.
template <int kColumns, class Out>
__device__ void store_fragment(const Result<Out>& result, const float (&d)[kColumns / 2], int row,
                               int column) {
  const int thread = static_cast<int>(threadIdx.x) % 128;
  row += thread / 32 * 16 + thread % 32 / 4;
  column += thread % 4 * 2;
#pragma unroll
  for (int block = 0; block < kColumns / 8; ++block) {
    store_pair(result, row, column + 8 * block, d[4 * block], d[4 * block + 1]);
    store_pair(result, row + 8, column + 8 * block, d[4 * block + 2], d[4 * block + 3]);
  }
}

/// kBlocksDown, kBlocksAcross: blocks of a cluster that share tiles; each then loads its share for all.
template <MatmulLayout kLayout, int kTileM, int kTileN, int kBlocksDown = 1, int kBlocksAcross = 1>
struct WgmmaTiles {
  static constexpr bool kMnMajorA = is_mn_major_a(kLayout);
  static constexpr bool kMnMajorB = is_mn_major_b(kLayout);
  static constexpr int kBytesA = kTileM * kDepth * static_cast<int>(sizeof(bf16));
  static constexpr int kBytesB = kTileN * kDepth * static_cast<int>(sizeof(bf16));
  static constexpr int kStageBytes = kBytesA + kBytesB;
  static constexpr int kShareA = kTileM / kBlocksAcross;
  static constexpr int kShareB = kTileN / kBlocksDown;
  static_assert(kShareA % 64 == 0 && kShareB % 64 == 0);

  static CUtensorMap map_a(const PaddedOperand& a) {
    return hopper::map_matrix(a.data(), a.rows(), a.columns(), kMnMajorA ? kDepth : kShareA, kTileColumns);
  }
  static CUtensorMap map_b(const PaddedOperand& b) {
    return hopper::map_matrix(b.data(), b.rows(), b.columns(), kMnMajorB ? kDepth : kShareB, kTileColumns);
  }

  /// By one thread: brings the share `share` of a's tile into the stage, for the blocks of the mask or, if 0,
  /// for this one.
  __device__ static void load_a(const CUtensorMap* map, unsigned char* stage, std::uint64_t* barrier, int row,
                                int depth, int share = 0, unsigned blocks = 0) {
    load<kMnMajorA, kShareA>(map, stage + share * kShareA * 128, barrier, row + share * kShareA, depth,
                             blocks);
  }
  __device__ static void load_b(const CUtensorMap* map, unsigned char* stage, std::uint64_t* barrier,
                                int column, int depth, int share = 0, unsigned blocks = 0) {
    load<kMnMajorB, kShareB>(map, stage + kBytesA + share * kShareB * 128, barrier, column + share * kShareB,
                             depth, blocks);
  }

  /// By a warpgroup: d += rows 64 warpgroup ... of a's tile times b's tile; begins four wgmma and commits
  /// them. `first`: d is overwritten.
  __device__ static void multiply_stage(float (&d)[kTileN / 2], const unsigned char* stage, int warpgroup,
                                        bool first) {
    const std::uint64_t a = hopper::tile_descriptor(stage + warpgroup * kChunkBytes);
    const std::uint64_t b =
        hopper::tile_descriptor(stage + kBytesA, kMnMajorB ? kChunkBytes : hopper::kAtomBytes);
    hopper::begin_products();
#pragma unroll
    for (int i = 0; i < kDepth / hopper::kDepthOfProduct; ++i) {
      hopper::multiply<kMnMajorA, kMnMajorB>(d, a + i * hopper::kDescriptorStep<kMnMajorA>,
                                             b + i * hopper::kDescriptorStep<kMnMajorB>, !first || i > 0);
    }
    hopper::commit_products();
  }

  /// By a warpgroup: its 64 rows of sums to C, of which `row` and `column` are the first.
  template <class Out>
  __device__ static void store(const Result<Out>& result, const float (&d)[kTileN / 2], int row, int column) {
    store_fragment<kTileN>(result, d, row, column);
  }

 private:
  template <bool kMnMajor, int kExtent>
  __device__ static void load(const CUtensorMap* map, unsigned char* tile, std::uint64_t* barrier, int extent,
                              int depth, unsigned blocks) {
    constexpr int kLoads = kMnMajor ? kExtent / 64 : 1;
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const int column = kMnMajor ? extent + 64 * i : depth;
      const int row = kMnMajor ? depth : extent;
      if (blocks) {
        hopper::load_tile_for(blocks, map, tile + i * kChunkBytes, barrier, column, row);
      } else {
        hopper::load_tile(map, tile + i * kChunkBytes, barrier, column, row);
      }
    }
  }
};

/// The first address of dynamic shared memory at which a swizzled tile may begin; kAlignSlack bytes are to be
/// asked for.
constexpr int kAlignSlack = hopper::kAtomBytes;
__device__ inline unsigned char* aligned_shared_memory() {
  extern __shared__ unsigned char dynamic_memory[];
  const unsigned begin = hopper::shared_address(dynamic_memory);
  return dynamic_memory + (kAlignSlack - begin % kAlignSlack) % kAlignSlack;
}

}  // namespace wb
