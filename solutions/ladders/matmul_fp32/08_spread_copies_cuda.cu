// Rung 8: in NT, copies of 16 bytes through registers, one at a time between the multiply-adds.
// Needs: sm_80
//
// Idea: where depth is in the rows, cp.async copies element by element, since it cannot transpose. A thread
// can: it loads 4 neighbors of a row in one access, and stores them into 4 rows of the tile. The four loads
// of a step do not come in a burst: one after each of the first steps of depth, each right behind the store
// of what the same register held. So every load has a whole step of 16 to arrive, and shared memory is never
// busy with copies alone. Two buffers suffice, with one barrier per step. A thread owns (8, 8) of C, which
// leaves registers for the values in flight and room for two blocks per multiprocessor.
//
// NN and TN, and matrices whose rows are no multiple of 16 bytes, are rung 7's: it reaches the library there.
//
// Limited before: in NT 24 copies of 4 bytes per thread for 16 steps of depth, in bursts.
// Limits now: reads of shared memory, 4 per 64 multiply-adds in place of 6 per 128. No counter was taken.
// Uses: 127 registers, 33 KiB of shared memory per block, two blocks per multiprocessor (sm_90a).
// Costs in clarity: a third way to copy a tile, and a step that is written around its copies.
#include "02_matmul/matmul_check.h"
#include "common/core/registry.h"
#include "solutions/ladders/matmul_fp32/cp_async.h"
#include "solutions/ladders/matmul_fp32/operands.cuh"
#include "solutions/ladders/matmul_fp32/tiling.cuh"

namespace wb {
namespace {

// A block owns (128, 128), a warp (64, 32), a thread (8, 8) of C; a step covers 16 of K.
using Tiles = ladder::Tiling<128, 128, 16, 64, 32, 8, 8>;
constexpr int kDepth = Tiles::kDepth;
constexpr int kTileA = kDepth * Tiles::kStrideA, kTileB = kDepth * Tiles::kStrideB;
constexpr int kGroup = 8;  // rows of tiles that blocks work on at the same time, as in rung 7

__device__ ladder::TilePlace grouped_place(int block, int m, int n) {
  const int down = (m + Tiles::kTileM - 1) / Tiles::kTileM, across = (n + Tiles::kTileN - 1) / Tiles::kTileN;
  const int first = block / (kGroup * across) * kGroup;
  const int height = min(kGroup, down - first);
  const int within = block - first * across;
  return {(first + within % height) * Tiles::kTileM, within / height * Tiles::kTileN};
}

// Takes tile after tile of a (kTile's dimension, K) matrix to shared memory, with depth outermost there.
template <int kTile, int kStride>
class TransposingCopier {
  static constexpr int kPerRow = kDepth / 4;                    // pieces of 16 bytes
  static constexpr int kPlaceStep = Tiles::kThreads / kPerRow;  // from one piece of a thread to its next
  static constexpr int kPieces = kTile / kPlaceStep;            // of a thread
  static_assert(kPieces == 2);

 public:
  __device__ TransposingCopier(const float* matrix, int extent, int k, int start)
      : place_(static_cast<int>(threadIdx.x) / kPerRow),
        depth_(static_cast<int>(threadIdx.x) % kPerRow * 4),
        shared_offset_(depth_ * kStride + place_),
        left_(extent - start),
        k_(k),
        source_(matrix + static_cast<std::int64_t>(start + place_) * k + depth_) {}

  // Begins to load piece `piece` of the tile that is next.
  __device__ void load(int piece) {
    const bool inside = place_ + piece * kPlaceStep < left_ && depth_ < k_;
    const float* from = source_ + static_cast<std::int64_t>(piece) * kPlaceStep * k_;
    values_[piece] = inside ? *reinterpret_cast<const float4*>(from) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if (piece == kPieces - 1) {
      source_ += kDepth;
      depth_ += kDepth;
    }
  }
  // Puts what load() brought where the tile of the buffer has it.
  __device__ void store(float* tile, int piece) const {  // (kDepth, kStride)
    float* to = tile + shared_offset_ + piece * kPlaceStep;
    to[0 * kStride] = values_[piece].x;
    to[1 * kStride] = values_[piece].y;
    to[2 * kStride] = values_[piece].z;
    to[3 * kStride] = values_[piece].w;
  }

 private:
  int place_, depth_, shared_offset_, left_, k_;
  const float* source_;
  float4 values_[kPieces];
};

__global__ void __launch_bounds__(Tiles::kThreads, 2)
    spread_copies(const float* a,  // (M, K)
                  const float* b,  // (N, K)
                  float* c,        // (M, N)
                  int m, int n, int k, float alpha, float beta) {
  __shared__ __align__(16) float buffers[2][kTileA + kTileB];
  const ladder::TilePlace tile = grouped_place(static_cast<int>(blockIdx.x), m, n);
  TransposingCopier<Tiles::kTileM, Tiles::kStrideA> from_a(a, m, k, tile.row);
  TransposingCopier<Tiles::kTileN, Tiles::kStrideB> from_b(b, n, k, tile.column);
  const auto load = [&](int piece) { piece < 2 ? from_a.load(piece) : from_b.load(piece - 2); };
  const auto store = [&](float* buffer, int piece) {
    piece < 2 ? from_a.store(buffer, piece) : from_b.store(buffer + kTileA, piece - 2);
  };
#pragma unroll
  for (int piece = 0; piece < 4; ++piece) load(piece);
#pragma unroll
  for (int piece = 0; piece < 4; ++piece) store(buffers[0], piece);
#pragma unroll
  for (int piece = 0; piece < 4; ++piece) load(piece);
  __syncthreads();

  const int row = ladder::row_in_tile<Tiles>(0), column = ladder::column_in_tile<Tiles>(0);
  float sums[Tiles::kRows][Tiles::kColumns] = {};
  // Two: one is multiplied while the next is read.
  ladder::Fragment<Tiles> fragments[2];
  ladder::read_fragment<Tiles>(fragments[0], buffers[0], buffers[0] + kTileA, row, column);
  int current = 0;
  for (int start = 0; start < k; start += kDepth) {
#pragma unroll
    for (int depth = 0; depth < kDepth; ++depth) {
      if (depth == kDepth - 1) {
        // The next tile is complete, and the last fragment of this one is in registers.
        __syncthreads();
        current ^= 1;
      }
      const float* next = buffers[current];
      const int next_depth = (depth + 1) % kDepth;
      ladder::read_fragment<Tiles>(fragments[(depth + 1) % 2], next + next_depth * Tiles::kStrideA,
                                   next + kTileA + next_depth * Tiles::kStrideB, row, column);
      if (depth < 4) {
        store(buffers[current ^ 1], depth);
        load(depth);
      }
      ladder::multiply<Tiles>(fragments[depth % 2], sums);
    }
  }
  ladder::store_tile<Tiles>(c, m, n, tile.row, tile.column, ladder::allows_vectors(c, n), sums, alpha, beta);
}

void matmul_spread_copies(MatmulLayout layout, const float* a, const float* b, float* c, int m, int n, int k,
                          float alpha, float beta, cudaStream_t stream) {
  check_matmul(layout, a, b, c, m, n, k);
  if (layout != MatmulLayout::kNT || !ladder::allows_vectors(a, k) || !ladder::allows_vectors(b, k)) {
    return ladder::matmul_cp_async(layout, a, b, c, m, n, k, alpha, beta, stream);
  }
  const unsigned grid = ladder::count_tiles(m, n, Tiles::kTileM, Tiles::kTileN);
  spread_copies<<<grid, Tiles::kThreads, 0, stream>>>(a, b, c, m, n, k, alpha, beta);
  WB_CHECK_LAUNCH();
}

}  // namespace

WB_REGISTER(Matmul, spread_copies, matmul_spread_copies);

}  // namespace wb
